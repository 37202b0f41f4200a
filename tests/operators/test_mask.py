"""Masks and crops."""

import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Blur, Crop, Downsample, FourierMask, Mask, as_matrix
from deeprestore_lab.priors import DenoiserScore, Tikhonov, TotalVariation
from refusals import refused


def test_a_mask_keeps_what_was_seen():
    x = torch.rand(2, 3, 4, 5)
    seen = torch.rand(4, 5) > 0.5
    y = Mask(seen)(x)
    assert torch.equal(y[..., seen], x[..., seen])
    assert (y[..., ~seen] == 0).all()
    assert torch.equal(Mask(seen.to(torch.int64))(x), y)


def test_a_mask_for_each_image():
    x, masks = torch.rand(3, 2, 4, 5, dtype=torch.float64), torch.rand(3, 1, 4, 5) > 0.5
    together, rho = Mask(masks), torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    for i in range(3):
        alone = Mask(masks[i])
        torch.testing.assert_close(together(x)[i : i + 1], alone(x[i : i + 1]))
        torch.testing.assert_close(together.solve(x, rho)[i : i + 1], alone.solve(x[i : i + 1], float(rho[i])))
    with pytest.raises(ValueError, match="does not fit"):
        together(x[:2])


@pytest.mark.parametrize(
    "outer", [lambda A: A, lambda A: Downsample(2) @ A, lambda A: A @ Blur(torch.ones(3, 3) / 9, border="zero")]
)
def test_the_norm_with_a_mask_for_each_image_is_that_of_each_alone(outer):
    x = torch.rand(3, 1, 6, 8, dtype=torch.float64)
    masks = x * torch.tensor([0.1, 1.0, 4.0]).reshape(3, 1, 1, 1)
    for kind in (Mask, FourierMask):
        found = outer(kind(masks)).norm(x) if kind is Mask else kind(masks).norm(x)
        alone = [outer(kind(m)).norm(x[:1]) if kind is Mask else kind(m).norm(x[:1]) for m in masks]
        torch.testing.assert_close(found, torch.tensor(alone, dtype=torch.float64), rtol=1e-9, atol=0)


def test_a_batch_with_a_mask_for_each_image_is_solved_as_each_alone():
    """Also where the steps are as long as the norm allows: a small mask must not be slowed down by a large one."""
    y, weights = torch.rand(2, 1, 8, 8, dtype=torch.float64), torch.tensor([0.1, 1.0]).reshape(2, 1, 1, 1)
    masks, half = weights * torch.ones(2, 1, 8, 8, dtype=torch.float64), DenoiserScore(lambda x: x / 2, sigma=0.1)
    for solver, prior in [("proximal", TotalVariation()), ("pnp_proximal", half)]:
        both, *alone = (
            minimise(GaussianLikelihood(Mask(m), m * y[k], sigma=0.12) + prior, 0 * y[k], solver=solver)
            for m, k in ((masks, slice(2)), (masks[:1], slice(1)), (masks[1:], slice(1, 2)))
        )
        assert both.steps.tolist() == [int(one.steps) for one in alone]
        torch.testing.assert_close(both.x, torch.cat([one.x for one in alone]), rtol=1e-6, atol=1e-6)
    smaller = Downsample(2) @ Mask(masks)
    minimise(GaussianLikelihood(smaller, smaller(y), sigma=0.1) + Tikhonov() + TotalVariation(), y, steps=3)


@pytest.mark.parametrize("mask_shape", [(4, 4), (3, 4, 5), (2, 1, 4, 5)])
def test_a_mask_that_does_not_fit_is_refused(mask_shape):
    with pytest.raises(ValueError, match="does not fit a float32 tensor of shape \\(1, 2, 4, 5\\)"):
        Mask(torch.ones(mask_shape))(torch.rand(1, 2, 4, 5))


test_what_is_no_mask_is_refused = refused(
    (torch.ones(4), "must be a tensor"),
    ([[1, 0]], "must be a tensor"),
    (-torch.ones(2, 2), "at least 0"),
    (torch.full((2, 2), torch.nan), "finite"),
    (torch.full((2, 2), 255), "0 and 1 alone, got values from 255 to 255"),
    by=Mask,
)


def test_a_crop_takes_the_middle():
    x = torch.rand(2, 3, 6, 8)
    assert torch.equal(Crop(2)(x), x[:, :, 2:4, 2:6])
    assert torch.equal(Crop(0)(x), x)
    assert as_matrix(Crop(1), (1, 3, 4)).sum() == 2


def test_a_crop_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="leaves nothing"):
        Crop(3)(torch.rand(1, 1, 6, 8))
    for margin in (-1, 1.5, True):
        with pytest.raises(ValueError, match="margin .in pixels. must be a whole number of at least 0"):
            Crop(margin)


@pytest.mark.parametrize(
    "operator", [Crop(1), Crop(2), Mask(torch.tensor([[0.0, 2.0, 0.5, 1.0, 0.0, 3.0]]).expand(7, 6))]
)
def test_the_solve_is_that_of_the_dense_matrix(operator):
    """What a crop cuts off is divided by rho alone; weights enter squared."""
    y = torch.rand(1, 1, 7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    dense = as_matrix(operator, (1, 7, 6))
    expected = torch.linalg.solve(dense.T @ dense + 0.3 * torch.eye(42, dtype=torch.float64), y.flatten())
    torch.testing.assert_close(operator.solve(y, 0.3).flatten(), expected)
