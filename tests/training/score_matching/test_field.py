"""Fitting a field: whitened filters, a loss that falls on pictures not used, the same field from the same seed."""

import pytest
import torch

from deeprestore_lab import images
from deeprestore_lab.training.score_matching import best_factor, fit_field, picture_score_matching
from deeprestore_lab.training.score_matching.field import whitened_basis

SMALL = {"count": 6, "size": 3, "side": 16, "batch": 4, "seed": 1}
PICTURES = [images.photograph(name, size=64, grey=True) for name in ("china", "flower")]


def test_the_basis_whitens_noisy_patches_and_has_no_mean():
    x = PICTURES[0]
    basis = whitened_basis(x, size=3, sigma=0.0).double()
    patches = x.double().unfold(2, 3, 1).unfold(3, 3, 1).reshape(-1, 9)
    values = (patches - patches.mean(1, keepdim=True)) @ basis.T
    torch.testing.assert_close(values.T @ values / len(values), torch.eye(8, dtype=torch.float64), rtol=1e-3, atol=1e-3)
    assert basis.shape == (8, 9) and float((basis.sum(1) / basis.norm(dim=1)).abs().max()) < 1e-4
    noisy = whitened_basis(x, size=3, sigma=0.1).norm(dim=1)
    assert float(noisy.max()) <= 1 / 0.1  # nothing is finer than the noise


@pytest.mark.parametrize("loss", ["score_matching", "denoising"])
def test_the_loss_falls_below_that_of_the_start_on_another_picture(loss):
    fit = fit_field(PICTURES, steps=40, loss=loss, **SMALL)
    start = fit_field(PICTURES, steps=1, lr=lambda step: 1e-12, loss=loss, **SMALL)
    x = images.photograph("chelsea", size=64, grey=True)
    y = x + images.gaussian_noise(x, sigma=5 / 255, seed=0)

    def lowest(field):  # at the best factor of each, so that only the filters and the weights' shares are judged
        weights = best_factor(y, field.filters, field.weights, margin=2) * field.weights
        return float(picture_score_matching(y, field.filters, weights, margin=2)) / y.numel()

    assert lowest(fit.field) < 1.05 * lowest(start.field) < 0
    assert fit.losses.shape == (40,) and fit.seconds > 0


def test_the_same_seed_gives_the_same_field():
    first, second = (fit_field(PICTURES, steps=3, **SMALL).field for _ in range(2))
    assert torch.equal(first.filters, second.filters) and torch.equal(first.weights, second.weights)
    other = fit_field(PICTURES, steps=3, **SMALL | {"seed": 2}).field
    assert not torch.equal(first.filters, other.filters)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit into a picture"):
        fit_field(PICTURES, side=65)
    with pytest.raises(ValueError, match="loss must be one of"):
        fit_field(PICTURES, loss="likelihood")
    with pytest.raises(ValueError, match="side must be"):
        fit_field(PICTURES, size=5, side=9)
    with pytest.raises(ValueError, match="pictures"):
        fit_field([PICTURES[0].expand(-1, 3, -1, -1)])
