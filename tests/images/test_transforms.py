"""Crop, resize and grey values against Pillow and scikit-image."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2ycbcr

from deeprestore_lab import images
from deeprestore_lab.images.transforms import fit


def batch(n=2, c=3, h=20, w=31, dtype=torch.float64):
    return torch.rand(n, c, h, w, dtype=dtype, generator=torch.Generator().manual_seed(0))


def test_crop_takes_the_centre_or_the_place_asked_for():
    x = torch.arange(35.0).reshape(1, 1, 5, 7)
    assert images.crop(x, 3)[0, 0].tolist() == [[9, 10, 11], [16, 17, 18], [23, 24, 25]]
    assert images.crop(x, (1, 2), top=4, left=5)[0, 0].tolist() == [[33, 34]]
    with pytest.raises(ValueError, match="leaves the image of 5 x 7"):
        images.crop(x, 6)
    with pytest.raises(ValueError, match="leaves the image"):
        images.crop(x, 2, top=-1)


def test_a_crop_is_no_view():
    x = batch()
    images.crop(x, 4).zero_()
    assert torch.equal(x, batch())


@pytest.mark.parametrize("size", [(7, 9), (20, 10), (45, 50)])
def test_resize_is_pillows_bicubic(size):
    x = batch(1, 1, dtype=torch.float32)
    theirs = Image.fromarray(x[0, 0].numpy()).resize(size[::-1], Image.Resampling.BICUBIC)
    np.testing.assert_allclose(images.resize(x, size)[0, 0], np.asarray(theirs).clip(0, 1), atol=2e-6)


def test_resize_stays_in_range_and_does_not_alias():
    edges = images.pattern("checkerboard", size=64)
    grown = images.resize(edges, 100)
    assert grown.min() == 0 and grown.max() == 1
    fine = (torch.arange(64) % 2).double().expand(1, 1, 64, 64)  # the finest stripes have no place on a coarser grid
    inner = images.resize(fine, 16)[..., 2:-2]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=0.02, rtol=0)


def test_resize_to_the_same_size_is_a_copy():
    x = batch()
    same = images.resize(x, (20, 31))
    assert torch.equal(same, x) and same.data_ptr() != x.data_ptr()


def test_fit_keeps_the_aspect_ratio():
    rows = torch.linspace(0, 1, 40, dtype=torch.float64).reshape(1, 1, 40, 1).expand(1, 1, 40, 90)
    assert torch.equal(fit(rows, 40), rows[..., 25:65])
    assert fit(rows, (10, 20)).shape == (1, 1, 10, 20)
    columns = torch.arange(90.0).expand(1, 1, 40, 90) / 89
    middle = fit(columns, (20, 30))  # a window of 40 x 60, columns 15 to 74, halved
    torch.testing.assert_close(middle[0, 0, 10, 2:-2] * 89, 15.5 + 2 * torch.arange(2.0, 28.0))
    with pytest.raises(ValueError, match="40 x 90 pixels.*fewer than the size asked for, 41 x 41"):
        fit(rows, 41)


@pytest.mark.parametrize("size", [0, -3, 2.5, (4,), (4, 0), "8", True, None])
def test_bad_sizes_are_named(size):
    with pytest.raises(ValueError, match="size must be"):
        images.resize(batch(), size)


def test_grey_is_pillows_within_its_rounding():
    levels = (batch(1) * 255).round().byte()[0].permute(1, 2, 0).numpy()
    theirs = np.asarray(Image.fromarray(levels).convert("L"))
    ours = images.to_grey(torch.from_numpy(levels).double().permute(2, 0, 1)[None] / 255) * 255
    np.testing.assert_allclose(ours[0, 0], theirs, atol=0.51)


def test_grey_of_grey_is_itself():
    x = batch(c=1)
    torch.testing.assert_close(images.to_grey(x.expand(-1, 3, -1, -1)), x)
    assert torch.equal(images.to_grey(x), x)
    with pytest.raises(ValueError, match="must have 3 channels"):
        images.to_grey(batch(c=4))


def test_luma_is_scikit_images_y():
    x = batch(1)
    theirs = rgb2ycbcr(x[0].permute(1, 2, 0).numpy())[..., 0]
    np.testing.assert_allclose(images.luma(x)[0, 0] * 255, theirs, rtol=1e-12)
    torch.testing.assert_close(images.luma(x[:, :1]), images.luma(x[:, :1].expand(-1, 3, -1, -1)))
    with pytest.raises(ValueError, match="must have 3 channels"):
        images.luma(batch(c=2))


def test_resizing_clamps_at_every_size():
    x = torch.tensor([[[[-1.0, 2.0], [0.5, 0.25]]]])
    assert images.resize(x, 2).tolist() == [[[[0.0, 1.0], [0.5, 0.25]]]] and x.min() == -1
    assert 0 <= images.resize(x, 1).min() and images.resize(x, 4).max() <= 1


@pytest.mark.parametrize("place", [{"top": 1.5}, {"left": "1"}, {"top": True}])
def test_the_place_of_a_crop_is_whole(place):
    with pytest.raises(ValueError, match="(top|left) must be a whole number"):
        images.crop(torch.rand(1, 3, 8, 8), 4, **place)
    assert images.crop(torch.rand(1, 3, 8, 8), 4, top=np.int64(1)).shape == (1, 3, 4, 4)
