"""Patterns: their formulas, checked by what they imply."""

import numpy as np
import pytest
import torch

from deeprestore_lab import images


@pytest.mark.parametrize("name", images.PATTERNS)
@pytest.mark.parametrize("size", [64, (48, 80), 1])
def test_every_pattern_is_an_image_at_every_size(name, size):
    x = images.pattern(name, size=size)
    assert x.shape == (1, 1, *((size, size) if isinstance(size, int) else size))
    assert x.dtype == torch.float32 and x.min() >= 0 and x.max() <= 1
    assert torch.equal(x, images.pattern(name, size=size))


def test_the_checkerboard_is_numpys():
    expected = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((4, 4)))
    assert np.array_equal(images.pattern("checkerboard", size=32)[0, 0], expected)


def test_stripes_hold_one_frequency():
    spectrum = np.abs(np.fft.fft(images.pattern("stripes", size=64)[0, 0, 0].numpy() - 0.5))
    assert set(np.flatnonzero(spectrum > 1e-3)) == {8, 56}


def test_the_zone_plate_reaches_the_finest_stripes_at_the_border():
    row = images.pattern("zone_plate", size=(65, 65))[0, 0, 32].double()
    distance = torch.arange(65, dtype=torch.float64) - 32
    torch.testing.assert_close(row, 0.5 + 0.5 * torch.cos(torch.pi * distance**2 / 65), rtol=0, atol=1e-6)
    steps = (distance[1:] ** 2 - distance[:-1] ** 2).abs() / 65  # half cycles from pixel to pixel
    assert 0.95 < steps.max() <= 1  # a full half cycle is the limit
    assert (row[-6:].diff().abs() > 0.5).all() and (row[-6:].diff().sign().diff().abs() == 2).all()


def test_flat_patterns_have_the_levels_they_name():
    assert set(images.pattern("step_edge", size=32).unique().tolist()) == {0.25, 0.75}
    levels = images.pattern("cartoon", size=128).unique()
    torch.testing.assert_close(levels, torch.tensor([0.1, 0.2, 0.4, 0.65, 0.85, 1.0]))
    assert set(images.pattern("star", size=32).unique().tolist()) == {0, 1}
    ramp = images.pattern("ramp", size=16)[0, 0]
    torch.testing.assert_close(ramp.diff(dim=1), torch.full((16, 15), 1 / 16))


def test_disks_cover_the_areas_of_their_radii():
    x = images.pattern("disks", size=512)[0, 0]
    for k in range(4):
        row = x[128 * k : 128 * (k + 1), :128]
        expected = torch.pi * (0.22 / 2**k * 256) ** 2
        assert (row > 0.9).sum().item() == pytest.approx(expected, rel=0.05)
    dots = images.pattern("dots", size=512).mean().item()
    assert dots == pytest.approx(np.pi / 16, rel=0.02)


def test_unknown_patterns_list_the_known():
    with pytest.raises(ValueError, match="'checkerboard'.*got 'plaid'"):
        images.pattern("plaid")
