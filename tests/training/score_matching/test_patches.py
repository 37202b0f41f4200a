"""Patches and whitening against NumPy, and what each of them promises."""

import numpy as np
import pytest
import torch

from deeprestore_lab.training.score_matching import no_whitening, patch_vectors, whitening

NOISE = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))


def test_patches_are_mean_free_and_of_the_photograph() -> None:
    """A ramp's patches are the same ramp wherever they stand, up to half a grey level and the mean of the dither."""
    ramp = (torch.arange(64.0) * 2 / 255).expand(1, 1, 64, 64)
    x = patch_vectors([ramp], size=8, count=200, seed=0)
    assert x.shape == (200, 64) and x.mean(1).abs().max() < 1e-6
    expected = ((torch.arange(8.0) - 3.5) * 2 / 255).expand(8, 8).flatten()
    assert (x - expected).abs().max() <= 1.01 / 255
    assert float((x - expected).std()) == pytest.approx(1 / 255 / 12**0.5, rel=0.05)  # uniform, less its mean


def test_flat_patches_are_left_out() -> None:
    half = NOISE.clone()
    half[..., :25] = 0.5  # flat on the left
    x = patch_vectors([half], size=6, count=300, seed=1, contrast=2.0)
    assert len(x) == 300 and x.square().mean(1).sqrt().min() >= 2 / 255
    kept = patch_vectors([half], size=6, count=300, seed=1, contrast=0.0)
    assert (kept.square().mean(1).sqrt() < 2 / 255).any()
    with pytest.raises(ValueError, match="contrast"):
        patch_vectors([torch.full((1, 1, 30, 30), 0.5)], size=6, count=10, seed=0)


def test_every_position_of_every_photograph_is_as_likely() -> None:
    """Two photographs of 2 and 6 positions, told apart by their values."""
    one, two = NOISE[:, :, :5, :6], 2 + NOISE[:, :, :6, :7]
    from deeprestore_lab.training.augmentation import Patches
    from deeprestore_lab.training.score_matching.patches import _drawn

    source = Patches([one[:, :1], two[:, :1]], size=5, flips=False)
    x = _drawn(source, 4000, torch.Generator().manual_seed(0))
    every = source.every().flatten(1)
    same = (x[:, None] == every).all(2)  # (4000, 8)
    assert (same.sum(1) == 1).all()
    assert (same.double().mean(0) - 1 / 8).abs().max() < 0.03


def test_draws_are_those_of_the_seed() -> None:
    one, again, other = (patch_vectors([NOISE], size=5, count=50, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_whitened_samples_have_covariance_one() -> None:
    x = patch_vectors([NOISE], size=5, count=400, seed=0).double()
    white = whitening(x)
    z = white.whiten(x)
    assert z.shape == (400, 24)  # the mean of a patch is gone
    np.testing.assert_allclose(z.numpy().T @ z.numpy() / 400, np.eye(24), atol=1e-10)
    np.testing.assert_allclose(white.backward.numpy(), np.linalg.pinv(white.forward.numpy(), rcond=1e-8), atol=1e-10)
    assert (z @ white.backward.mT - x).abs().max() < 1e-6  # nothing but the mean was lost, of which float32 left 1e-7


def test_few_components_are_the_largest() -> None:
    x = patch_vectors([NOISE], size=5, count=400, seed=0).double()
    white = whitening(x, components=7)
    assert white.whiten(x).shape == (400, 7)
    left = x - white.whiten(x) @ white.backward.mT
    singular = np.linalg.svd(x.numpy(), compute_uv=False)
    assert float(left.square().sum()) == pytest.approx((singular[7:] ** 2).sum(), rel=1e-9)  # Eckart and Young
    with pytest.raises(ValueError, match="components"):
        whitening(x, components=25)


@pytest.mark.parametrize("make", [whitening, no_whitening])
def test_filters_and_basis(make) -> None:
    """Analysis filters give the responses of the rows; with as many rows as directions the basis undoes them."""
    x = patch_vectors([NOISE], size=5, count=400, seed=0).double()
    own, draw = make(x), torch.Generator().manual_seed(0)
    rows = torch.randn(24, 24, generator=draw, dtype=torch.float64)
    responses = x @ own.analysis(rows).mT
    torch.testing.assert_close(responses, own.whiten(x) @ rows.mT)
    torch.testing.assert_close(responses @ own.basis(rows), x, rtol=0, atol=1e-6)
    assert own.analysis(rows).sum(1).abs().max() < 1e-8 * rows.abs().max() / x.abs().max() * 1e3  # blind to the mean


def test_no_whitening_keeps_lengths_up_to_a_factor() -> None:
    x = patch_vectors([NOISE], size=5, count=400, seed=0).double()
    z = no_whitening(x).whiten(x)
    ratio = z.norm(dim=1) / x.norm(dim=1)
    assert ratio.max() / ratio.min() - 1 < 1e-10
    assert float(z.square().mean()) == pytest.approx(1, rel=1e-10)
