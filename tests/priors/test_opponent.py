import pytest
import torch

from deeprestore_lab.priors import FieldOfExperts, TotalVariation
from deeprestore_lab.priors.opponent import ByOpponent


def test_it_is_what_the_field_of_experts_does_for_itself():
    field = FieldOfExperts.trained()
    x = torch.rand(3, 3, 12, 14, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ByOpponent(field)(x), field(x))


def test_colour_differences_alone_pay_their_weight():
    x = torch.zeros(1, 3, 1, 2)
    x[0, 0, 0, 1], x[0, 2, 0, 1] = 1.0, -1.0  # no luminance: a step of sqrt 2 in red against blue
    prior = ByOpponent(TotalVariation(), chroma_scale=3.0, chroma_weight=0.25)
    assert float(prior(x)) == pytest.approx(0.25 * 3.0 * 2**0.5, rel=1e-5)
    assert not prior.smooth and ByOpponent(TotalVariation(smoothing=0.1)).smooth


def test_what_is_no_energy_and_no_colour_is_refused():
    with pytest.raises(ValueError, match="energy of grey pictures"):
        ByOpponent(lambda x: x)
    with pytest.raises(ValueError, match="in colour"):
        ByOpponent(TotalVariation())(torch.rand(1, 1, 8, 8))
