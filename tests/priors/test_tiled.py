"""Windows edge to edge: which values they have, and what is refused."""

import pytest
import torch

from deeprestore_lab.priors import Tikhonov, Tiled, TotalVariation
from deeprestore_lab.priors.tiled import tiles

Z = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))


def test_windows_are_slices_in_the_order_of_the_maps():
    found = tiles(Z, 2)
    expected = [z[:, i : i + 2, j : j + 2] for z in Z for i in (0, 2) for j in (0, 2, 4)]
    assert torch.equal(found, torch.stack(expected))


def test_the_value_is_the_sum_over_windows():
    prior = Tiled(lambda t: t.flatten(1).square().sum(1), side=2)
    assert torch.allclose(prior(Z), Z[..., :4, :6].square().flatten(1).sum(1))


def test_it_is_as_smooth_as_its_energy():
    assert not Tiled(TotalVariation(), side=2).smooth and not Tiled(TotalVariation(), side=2).has_score
    assert Tiled(Tikhonov(), side=2).smooth and Tiled(lambda t: t.flatten(1).sum(1), side=2).smooth


@pytest.mark.parametrize("step", [0.3, torch.tensor([0.3, 0.7])])
def test_its_proximal_step_is_that_of_each_window(step):
    prior = Tiled(Tikhonov("gradient"), side=2)
    x, each = prior.prox(Z, step), torch.as_tensor(step).reshape(-1, 1, 1, 1)
    torch.testing.assert_close(x - each * prior.score(x), Z, rtol=0, atol=1e-5)  # the condition of the optimum
    assert torch.equal(x[..., 4:, :], Z[..., 4:, :]) and torch.equal(x[..., 6:], Z[..., 6:])
    assert float((x - Z).abs().max()) > 0.1


def test_a_step_that_is_not_known_or_comes_by_iterations_is_not_passed_on():
    for energy in (TotalVariation(), lambda t: t.flatten(1).sum(1)):
        assert not Tiled(energy, side=2).has_prox
        with pytest.raises(NotImplementedError, match="no proximal step"):
            Tiled(energy, side=2).prox(Z, 0.1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tiled(lambda t: t.flatten(1).sum(1), side=6)(Z),
        lambda: Tiled(lambda t: t.flatten(1), side=2)(Z),
        lambda: Tiled(lambda t: t.sum(1), side=0),
        lambda: Tiled(2, side=2),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match="maps|number|side|windows"):
        make()
