"""Training on maps: a linear case whose best denoiser is known, and odds of two Gaussians."""

import pytest
import torch

from deeprestore_lab.training import fit_log_ratio, fit_map_denoiser

Z = torch.randn(40, 2, 8, 8, generator=torch.Generator().manual_seed(0))


def test_white_maps_are_shrunk_as_wiener_says():
    network = fit_map_denoiser(Z, levels=(1.0,), steps=250, width=16)
    noise = torch.randn(Z.shape, generator=torch.Generator().manual_seed(1))
    error = float((network(Z + noise) - Z).square().mean())
    assert 0.45 < error < 0.6  # the best is 1/2, the noisy maps' own error 1


def test_damage_that_is_no_noise_is_learned_too():
    network = fit_map_denoiser(Z, levels=(), damaged=[Z + 1.0], steps=150, width=16)
    error = (network(Z + 1.0) - Z)[..., 1:-1, 1:-1].square().mean()
    assert float(error) < 0.1


def test_turned_maps_teach_the_other_direction_too():
    """Maps moved to the right: one that saw them turned, and so moved to the left, cannot know where to move back."""
    moved, errors = Z.roll(1, 3), {}
    for flips in (False, True):
        settings = {"steps": 80, "batch": 4, "width": 8, "flips": flips}
        network = fit_map_denoiser(Z, levels=(), damaged=[moved], **settings)
        errors[flips] = float((network(moved) - Z)[..., 1:-1, 1:-1].square().mean())
    assert errors[False] < 0.6 * errors[True]


def test_odds_say_which_mean_a_map_has():
    network = fit_log_ratio(Z, [Z + 1.0], steps=150, width=16, penalty=0.0)
    assert float(network(Z).mean()) < -1 and float(network(Z + 1.0).mean()) > 1


def test_a_penalty_makes_them_less_steep():
    def steepness(penalty):
        z = Z.clone().requires_grad_()
        network = fit_log_ratio(Z, [Z + 1.0], steps=60, width=16, penalty=penalty)
        return float(torch.autograd.grad(network(z).sum(), z)[0].square().mean())

    assert steepness(10.0) < 0.5 * steepness(0.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: fit_map_denoiser(Z, levels=()),
        lambda: fit_map_denoiser(Z, levels=(0.0,)),
        lambda: fit_map_denoiser(Z, damaged=[Z[:3]]),
        lambda: fit_log_ratio(Z, []),
        lambda: fit_log_ratio(Z, [Z[:, :1]]),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match="level|damaged|other"):
        make()


def test_maps_of_double_precision_teach_the_same():
    double = fit_map_denoiser(Z.double(), damaged=[Z.double() + 1.0], steps=3, width=4)
    torch.testing.assert_close(double(Z), fit_map_denoiser(Z, damaged=[Z + 1.0], steps=3, width=4)(Z))
    odds = fit_log_ratio(Z.double(), [Z.double() + 1.0], steps=3, width=4)
    torch.testing.assert_close(odds(Z), fit_log_ratio(Z, [Z + 1.0], steps=3, width=4)(Z))
