"""GLO against projections in closed form and images whose code is known."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.generators import GLO, normal_like, principal_start, projected, train_glo


def bars(count: int = 200) -> torch.Tensor:
    """Images `(count, 1, 4, 4)` of two numbers each, side by side."""
    level = torch.rand(count, 1, 1, 2, generator=torch.Generator().manual_seed(0))
    return level.repeat_interleave(2, dim=3).expand(count, 1, 4, 4).contiguous()


@pytest.mark.parametrize("within", ["ball", "cube"])
def test_the_projection_is_the_nearest_point_of_the_set(within):
    generator = torch.Generator().manual_seed(0)
    z = 2 * torch.randn(50, 3, generator=generator)
    nearest = projected(z, within=within)
    others = projected(3 * torch.randn(2000, 3, generator=generator), within=within)
    inside = nearest.norm(dim=1) <= 1 + 1e-6 if within == "ball" else ((nearest >= 0) & (nearest <= 1)).all(1)
    assert bool(inside.all())
    assert bool(((z - nearest).norm(dim=1) <= torch.cdist(z, others).min(1).values + 1e-6).all())
    assert torch.equal(projected(nearest, within="cube"), nearest) or within == "ball"


def test_the_principal_start_orders_images_by_their_scores():
    images = bars()
    codes = principal_start(images, 2, within="cube")
    assert bool(((codes > 0) & (codes < 1)).all())
    rows = images.flatten(1) - images.flatten(1).mean(0)
    scores = torch.linalg.svd(rows, full_matrices=False).U[:, 0]
    assert torch.equal(codes[:, 0].argsort(), scores.argsort()) or torch.equal(
        codes[:, 0].argsort(), (-scores).argsort()
    )
    assert bool((principal_start(images, 2, within="ball").norm(dim=1) <= 1 + 1e-6).all())


@pytest.mark.parametrize("within", ["ball", "cube"])
def test_training_lowers_the_error_and_keeps_the_codes_in_the_set(within):
    images = bars()
    model = GLO(images, latent=2, widths=(32,), within=within, start="random")
    rows = torch.arange(len(images))
    before, start = float((model(rows) - images).square().mean().detach()), model.codes.detach().clone()
    train_glo(model, images, steps=200, batch=64, lr=1e-2, progress=False)
    after = float((model(rows) - images).square().mean().detach())
    assert after < before / 4
    assert torch.equal(projected(model.codes, within=within), model.codes) and not torch.equal(model.codes, start)


def test_a_code_moves_only_by_its_own_image_at_the_first_step():
    images = bars(50)
    model = GLO(images, latent=2, widths=(8,))
    before = model.codes.detach().clone()
    train_glo(model, images, steps=1, batch=5, progress=False)
    moved = (model.codes.detach() != before).any(1)
    assert 1 <= int(moved.sum()) <= 5


def test_samples_come_from_a_normal_law_with_the_moments_of_the_codes():
    points = torch.randn(300, 3, generator=torch.Generator().manual_seed(0)) @ torch.tensor(
        [[1.0, 2, 0], [0, 1, 0], [0, 0, 0]]
    )
    drawn = normal_like(points + 5, 20000, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.mean(0), points.mean(0) + 5, atol=0.08, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), points.T.cov(), atol=0.2, rtol=0)


def test_what_does_not_fit_is_named():
    images = bars(10)
    with pytest.raises(ValueError, match="within must be one of"):
        GLO(images, latent=2, within="sphere")
    with pytest.raises(ValueError, match="fewer than 10 principal"):
        GLO(images, latent=10)
    with pytest.raises(ValueError, match="10 codes"):
        train_glo(GLO(images, latent=2, widths=(4,)), images[:9], steps=1)
