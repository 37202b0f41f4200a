"""Painted patterns: vivid, repeatable, the same composition at every size, and what each is named after."""

import numpy as np
import pytest
import torch
from skimage.measure import label

from deeprestore_lab import images


@pytest.mark.parametrize("name", images.PAINTED)
@pytest.mark.parametrize("size", [64, (48, 80), (80, 48), 1])
def test_every_one_is_a_picture_in_colour_at_every_size(name, size):
    x = images.pattern(name, size=size, seed=3)
    assert x.shape == (1, 3, *((size, size) if isinstance(size, int) else size))
    assert x.dtype == torch.float32 and x.min() >= 0 and x.max() <= 1 and x.isfinite().all()
    assert torch.equal(x, images.pattern(name, size=size, seed=3))


@pytest.mark.parametrize("name", images.PAINTED)
def test_another_seed_paints_another_picture_and_leaves_torchs_generator(name):
    state = torch.get_rng_state()
    one, other = (images.pattern(name, size=64, seed=seed) for seed in (0, 1))
    assert (one - other).abs().mean() > 0.05
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", images.PAINTED)
def test_another_size_shows_the_same_composition(name):
    small, large = images.pattern(name, size=128), images.pattern(name, size=256)
    coarse = [torch.nn.functional.adaptive_avg_pool2d(x, 8).flatten().numpy() for x in (small, large)]
    assert np.corrcoef(*coarse)[0, 1] > 0.9
    other = torch.nn.functional.adaptive_avg_pool2d(images.pattern(name, size=128, seed=1), 8).flatten().numpy()
    assert np.corrcoef(coarse[0], other)[0, 1] < 0.7


@pytest.mark.parametrize("name", images.PAINTED)
def test_colours_are_vivid_and_there_is_structure_at_several_scales(name):
    x = images.pattern(name, size=256)
    saturation = (x.amax(1) - x.amin(1)).mean()
    assert saturation > 0.3  # photographs of the library: 0.1 to 0.25
    for block in (2, 8, 32):  # what averaging over blocks takes away, from one scale to the next
        means = torch.nn.functional.avg_pool2d(x, block)
        finer = torch.nn.functional.avg_pool2d(x, block // 2)
        lost = finer - torch.nn.functional.interpolate(means, scale_factor=2)
        assert lost.std() > 0.02


def test_a_mosaic_has_separate_stones_in_dark_grout():
    x = images.pattern("mosaic", size=256)[0]
    stones, count = label(x.amax(0).numpy() > 0.2, return_num=True, connectivity=1)
    # 20 x 20 cells fill the picture, those at the border are cut; a stone as dark as grout may be missed
    assert 350 < count < 520
    assert np.bincount(stones.ravel())[1:].max() < 3 * 256**2 / 400


def test_swirls_are_drawn_along_lines():
    """Along its stream lines the picture changes less than across them: the structure tensor has one large value."""
    grey = images.to_grey(images.pattern("swirls", size=256))[0, 0]
    dy, dx = torch.gradient(grey)
    tensor = torch.stack([dy * dy, dx * dx, dy * dx])
    yy, xx, yx = torch.nn.functional.avg_pool2d(tensor, 8)
    coherence = ((yy - xx).square() + 4 * yx.square()).sqrt() / (yy + xx)
    noise = torch.rand(256, 256, generator=torch.Generator().manual_seed(0))
    dy, dx = torch.gradient(noise)
    yy, xx, yx = torch.nn.functional.avg_pool2d(torch.stack([dy * dy, dx * dx, dy * dx]), 8)
    assert coherence.mean() > 0.7 > 0.4 > (((yy - xx).square() + 4 * yx.square()).sqrt() / (yy + xx)).mean()


def test_seeds_are_whole_numbers():
    with pytest.raises(ValueError, match="seed"):
        images.pattern("strokes", seed=-1)
