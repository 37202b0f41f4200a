import pytest
import torch

from deeprestore_lab.priors import AlphaNorm, FieldOfExperts, RidgeRegulariser, Tikhonov, TotalVariation
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


DRAW = torch.Generator().manual_seed(0)
RIDGE = RidgeRegulariser(torch.randn(4, 1, 3, 3, generator=DRAW).double(), torch.ones(4, 3).double())


@pytest.mark.parametrize("prior", [Tikhonov("gradient"), AlphaNorm(), RIDGE], ids=lambda prior: prior.name)
@pytest.mark.parametrize("chroma_weight", [0.5, 0.0])
def test_its_proximal_step_meets_the_condition_of_the_optimum(prior, chroma_weight):
    """x + step grad R(x) = v, for a convex R and for one step for each picture."""
    own = ByOpponent(prior, chroma_weight=chroma_weight)
    v = torch.rand(2, 3, 8, 9, generator=DRAW).double()
    step = torch.tensor([0.01, 0.02], dtype=torch.float64)
    x = own.prox(v, step)
    torch.testing.assert_close(x - step[:, None, None, None] * own.score(x), v, rtol=0, atol=1e-4)
    assert float((x - v).abs().max()) > 1e-3
    torch.testing.assert_close(own.prox(v[:1], 0.01), x[:1], rtol=0, atol=2e-5)


def test_a_step_that_comes_by_iterations_is_not_passed_on():
    own = ByOpponent(TotalVariation())
    assert not own.has_prox and not own.has_bounded_prox
    with pytest.raises(NotImplementedError, match="no proximal step"):
        own.prox(torch.rand(1, 3, 8, 8), 0.1)
