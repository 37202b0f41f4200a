"""The six distortions: each against SciPy, Pillow or its formula, and all as pictures that get worse by level."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from deeprestore_lab import images
from deeprestore_lab.images.distortions import DISTORTIONS, distort
from refusals import refused

X = images.photographs(("coffee", "rocket"), size=64)
RAMPS = torch.stack(torch.meshgrid(torch.linspace(0, 1, 96), torch.linspace(0, 1, 96), indexing="ij"))[None]


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_each_level_is_a_picture_farther_away(kind):
    levels = DISTORTIONS[kind].levels
    y = torch.stack([distort(X, kind, level=level, seed=3) for level in levels])
    error = (y - X).square().mean((2, 3, 4))
    assert len(levels) == 5 and y.shape == (5, *X.shape) and y.min() >= 0 and y.max() <= 1
    assert (error[0] > 0).all() and (error.diff(dim=0) > 0).all()


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_an_image_alone_is_distorted_as_in_a_batch_and_the_input_stays(kind):
    level, before = DISTORTIONS[kind].levels[2], X.clone()
    assert torch.equal(distort(X, kind, level=level, seed=1)[:1], distort(X[:1], kind, level=level, seed=1))
    assert torch.equal(X, before)


@pytest.mark.parametrize("kind", DISTORTIONS)
def test_the_seed_matters_to_what_is_drawn_only(kind):
    level = DISTORTIONS[kind].levels[2]
    same = torch.equal(distort(X, kind, level=level, seed=1), distort(X, kind, level=level, seed=2))
    assert same == (kind not in ("noise", "warp"))
    assert torch.equal(distort(X, kind, level=level, seed=1), distort(X, kind, level=level, seed=1))


def test_blur_is_scipys():
    theirs = [ndimage.gaussian_filter(channel, 1.2, mode="reflect", truncate=4.0) for channel in X[0].double().numpy()]
    assert np.allclose(distort(X[:1].double(), "blur", level=1.2)[0].numpy(), np.stack(theirs), atol=1e-6)


def test_blur_fits_in_a_small_picture():
    flat = torch.full((1, 3, 8, 8), 0.3)
    assert torch.allclose(distort(flat, "blur", level=3.0), flat, atol=1e-6)


def test_noise_has_its_deviation_where_nothing_is_clipped():
    grey = torch.full((1, 3, 128, 128), 0.5)
    assert float((distort(grey, "noise", level=0.05, seed=0) - grey).std()) == pytest.approx(0.05, rel=0.02)


def test_shift_moves_to_the_right_and_mirrors():
    y = distort(X, "shift", level=3)
    theirs = np.pad(X.numpy(), [(0, 0), (0, 0), (0, 0), (3, 0)], mode="symmetric")[..., :64]
    assert np.array_equal(y.numpy(), theirs)


def test_contrast_scales_the_deviation_and_keeps_the_mean():
    y = distort(X, "contrast", level=0.35)
    assert torch.allclose(y.flatten(1).std(1), 0.65 * X.flatten(1).std(1), rtol=1e-5)
    assert torch.allclose(y.flatten(1).mean(1), X.flatten(1).mean(1), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_pillows(channels):
    x = X[:1, :channels]
    file = io.BytesIO()
    values = (x[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    Image.fromarray(values.squeeze(-1) if channels == 1 else values).save(file, "JPEG", quality=30)
    theirs = np.asarray(Image.open(file)).reshape(64, 64, channels) / 255
    assert np.allclose(distort(x, "jpeg", level=30)[0].permute(1, 2, 0).numpy(), theirs, atol=1e-6)


def test_warp_moves_by_its_root_mean_square_and_smoothly():
    """A picture whose values are its rows and columns shows where each pixel was taken from."""
    moved = (distort(RAMPS, "warp", level=2.0, seed=0) - RAMPS)[0] * 95
    inside = moved[:, 12:-12, 12:-12]
    # the mean over a field of 96 pixels and few control points; less than the border is left out
    assert float(inside.square().sum(0).mean().sqrt()) == pytest.approx(2.0, rel=0.25)
    assert float(inside.diff(dim=-1).abs().max()) < 1.0  # neighbours stay in order: the map does not fold


test_what_does_not_fit_is_refused = refused(
    ("speckle", 1, "kind must be one of 'blur', 'noise', 'shift', 'contrast', 'jpeg', 'warp'"),
    ("blur", 0, "level must be"),
    ("shift", 1.5, "level must be a whole number"),
    ("shift", 64, "fewer pixels than the image is wide, 64"),
    ("contrast", 1.5, "at most 1"),
    ("jpeg", 96, "a quality of at most 95"),
    by=lambda kind, level: distort(X, kind, level=level),
)
