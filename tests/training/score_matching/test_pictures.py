"""Score matching of pictures against autograd's trace of the Hessian, and what it says of overlapping patches."""

import pytest
import torch

from deeprestore_lab.priors import FieldOfExperts, StationaryField
from deeprestore_lab.priors.experts import EXPERTS, Expert
from deeprestore_lab.training.score_matching import (
    best_factor,
    gaussian_overlap,
    picture_denoising,
    picture_score_matching,
)
from deeprestore_lab.training.score_matching.picture_gradient import picture_loss_and_gradient

GENERATOR = torch.Generator().manual_seed(3)
FILTERS = torch.randn(3, 2, 3, generator=GENERATOR, dtype=torch.float64)
WEIGHTS = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
X = torch.rand(2, 1, 5, 6, generator=GENERATOR, dtype=torch.float64)
QUADRATIC = Expert("quadratic", lambda s: s.square() / 2, lambda s: s, torch.ones_like, smallest=1.0, largest=1.0)


def derivatives(x, expert):
    """The gradient `(1, 1, H, W)` and the Hessian's diagonal in that shape, of one picture, by autograd."""
    field = FieldOfExperts(FILTERS, WEIGHTS, expert=expert, border="valid")
    hessian = torch.autograd.functional.hessian(lambda v: field(v).sum(), x)
    return -field.score(x), hessian.reshape(x.numel(), -1).diagonal().view(x.shape)


@pytest.mark.parametrize("expert", EXPERTS)
@pytest.mark.parametrize("margin", [0, 1, 2])
def test_the_loss_is_half_the_squared_gradient_less_the_trace(expert, margin):
    expected = []
    for x in X.split(1):
        gradient, diagonal = derivatives(x, expert)
        kept = (..., slice(margin, 5 - margin), slice(margin, 6 - margin))
        expected.append((gradient[kept].square() / 2 - diagonal[kept]).sum())
    found = picture_score_matching(X, FILTERS, WEIGHTS, expert=expert, margin=margin)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("margin", [0, 1])
def test_denoising_asks_the_gradient_for_the_noise(margin):
    noise, sigma = torch.randn(X.shape, generator=GENERATOR, dtype=X.dtype), torch.tensor([0.1, 0.3])
    field = FieldOfExperts(FILTERS, WEIGHTS, border="valid")
    level = sigma[:, None, None, None]
    difference = (-level * field.score(X + noise) - noise / level)[..., margin : 5 - margin, margin : 6 - margin]
    expected = difference.square().flatten(1).sum(1) / 2
    found = picture_denoising(X, noise, FILTERS, WEIGHTS, sigma=sigma, margin=margin)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("margin", [0, 1])
def test_the_best_factor_has_the_lowest_loss(margin):
    best = best_factor(X, FILTERS, WEIGHTS, margin=margin)
    losses = [
        float(picture_score_matching(X, FILTERS, c * best * WEIGHTS, margin=margin).mean()) for c in (0.999, 1, 1.001)
    ]
    assert losses[1] < min(losses[0], losses[2])


def test_patches_of_noise_are_counted_once_a_pixel():
    white = StationaryField(torch.full((8, 5), 0.3), size=(8, 8))
    assert [gaussian_overlap(white, size) for size in (1, 2, 4)] == pytest.approx([1, 4, 16])


def test_the_overlap_of_a_field_is_what_score_matching_measures_on_its_samples():
    """With the filters of the patches' own covariance, on 60 samples: within 2 %.

    Neighbours that tell the same make it less than 9.
    """
    field = StationaryField.power_law((48, 48), exponent=2.0, mean=0.0)
    x = field.sample(60, seed=0, dtype=torch.float64)
    rows = torch.arange(3)
    away = (rows[:, None] - rows) % 48
    covariance = field.autocovariance[0][away[:, None, :, None], away[None, :, None, :]].reshape(9, 9)
    values, vectors = torch.linalg.eigh(covariance)
    filters = (vectors / values.sqrt()).T.reshape(9, 3, 3)
    patches = x.unfold(2, 3, 3).unfold(3, 3, 3).reshape(-1, 1, 3, 3)
    alone = best_factor(patches, filters, torch.ones(9, dtype=x.dtype), expert=QUADRATIC)
    whole = best_factor(x, filters, torch.ones(9, dtype=x.dtype), expert=QUADRATIC, margin=2)
    assert alone == pytest.approx(1, rel=0.02)
    assert alone / whole == pytest.approx(gaussian_overlap(field, 3), rel=0.02)
    assert gaussian_overlap(field, 3) < 8


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(N, C, H, W\), got a float64 tensor of shape \(2, 5, 6\)"):
        picture_score_matching(X[:, 0], FILTERS, WEIGHTS)
    with pytest.raises(ValueError, match="do not fit into pictures"):
        picture_score_matching(X[:, :, :1], FILTERS, WEIGHTS)
    with pytest.raises(ValueError, match="margin must be"):
        picture_score_matching(X, FILTERS, WEIGHTS, margin=3)
    with pytest.raises(ValueError, match="noise must have the shape"):
        picture_denoising(X, X[:1], FILTERS, WEIGHTS, sigma=0.1)
    with pytest.raises(ValueError, match="sigma must be"):
        picture_denoising(X, X, FILTERS, WEIGHTS, sigma=0.0)
    with pytest.raises(ValueError, match="size must be"):
        gaussian_overlap(StationaryField.power_law((4, 4)), 5)


@pytest.mark.parametrize("expert", EXPERTS.values(), ids=EXPERTS)
@pytest.mark.parametrize("margin", [0, 1])
def test_the_gradient_written_out_is_that_of_autograd(expert, margin):
    filters, weights = FILTERS.clone().requires_grad_(), WEIGHTS.clone().requires_grad_()
    loss = picture_score_matching(X, filters, weights, expert=expert, margin=margin).sum()
    wanted = torch.autograd.grad(loss, (filters, weights))
    value, *found = picture_loss_and_gradient(X, FILTERS, WEIGHTS, expert=expert, margin=margin)
    torch.testing.assert_close(value, loss.detach(), rtol=1e-12, atol=0)
    for own, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-10, atol=1e-12)
