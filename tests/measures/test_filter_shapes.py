"""Fitted Gabors against filters whose shape is known: Gabors, waves without end, spots, and noise."""

import math

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from deeprestore_lab.measures.filter_shapes import filter_shapes
from deeprestore_lab.signal.filters import random_filters


def gabor(size: int, angle: float, frequency: float, along: float, across: float, phase: float, shift=(0.3, -0.4)):
    place = np.arange(size) - (size - 1) / 2
    u, v = np.meshgrid(place - shift[0], -place - shift[1])  # v goes up
    turn = math.radians(angle)
    t, r = math.cos(turn) * u + math.sin(turn) * v, math.cos(turn) * v - math.sin(turn) * u
    wave = np.cos(2 * math.pi * frequency * t + phase)
    return torch.from_numpy(np.exp(-((t / along) ** 2) / 2 - (r / across) ** 2 / 2) * wave)


CASES = [(angle, f) for angle in (0, 30, 75, 90, 160) for f in (0.15, 0.25, 0.35)]


def test_gabors_are_recognised() -> None:
    bank = torch.stack([gabor(10, angle, f, 1.6, 2.2, 0.7) for angle, f in CASES])
    shapes = filter_shapes(bank)
    angles, frequencies = torch.tensor(CASES, dtype=torch.float64).unbind(1)
    assert shapes.explained.min() > 1 - 1e-6
    turned = (shapes.angle - angles + 90) % 180 - 90
    assert turned.abs().max() < 0.1
    assert (shapes.along - 1.6).abs().max() < 1e-2 and (shapes.across - 2.2).abs().max() < 1e-2
    assert (shapes.frequency - frequencies).abs().max() < 0.02  # the peak is moved by the envelope where f is low
    assert shapes.share == 1


def test_bandwidth_is_that_of_the_spectrum() -> None:
    """Half the amplitude of the wave's spectrum, read from a zero-padded FFT of a row."""
    f, along = 0.25, 2.0
    row = gabor(24, 0, f, along, 2.0, 0.7, shift=(0, 0))[12]
    spectrum = torch.fft.rfft(row, n=4096).abs()
    inside = (spectrum >= spectrum.max() / 2).nonzero()[:, 0]
    expected = math.log2(int(inside[-1]) / int(inside[0]))
    found = filter_shapes(gabor(24, 0, f, along, 2.0, 0.7, shift=(0, 0))[None])
    assert float(found.bandwidth) == pytest.approx(expected, abs=0.02)
    assert float(found.frequency) == pytest.approx(int(spectrum.argmax()) / 4096, abs=2e-3)


@pytest.mark.parametrize("size", [5, 8])
def test_noise_has_no_shape(size: int) -> None:
    assert filter_shapes(random_filters(60, size=size, seed=1)).share < 0.02


def test_waves_without_end_are_not_localised() -> None:
    unit = np.eye(64).reshape(64, 8, 8)
    cosines = torch.from_numpy(np.stack([dctn(one, norm="ortho", type=3) for one in unit]))[1:]
    assert filter_shapes(cosines).localised.double().mean() < 0.1


def test_spots_have_no_orientation() -> None:
    """A blob, and a blob with a dark ring; the first is low-pass as well."""
    blob = gabor(9, 0, 0, 1.3, 1.3, 0, shift=(0, 0))
    ring = blob - (1.3 / 2) ** 2 * gabor(9, 0, 0, 2.0, 2.0, 0, shift=(0, 0))
    shapes = filter_shapes(torch.stack([blob, ring]))
    assert not shapes.oriented.any() and not shapes.band_pass[0] and shapes.share == 0


def test_scale_and_order_do_not_matter() -> None:
    bank = torch.stack([gabor(8, angle, f, 1.3, 1.8, 0.2) for angle, f in CASES[:4]])
    one, other = filter_shapes(bank), filter_shapes(-7 * bank.flip(0))
    torch.testing.assert_close(one.explained, other.explained.flip(0))
    torch.testing.assert_close(one.frequency, other.frequency.flip(0))


def test_what_does_not_fit() -> None:
    for wrong in (torch.ones(2, 4, 4), torch.ones(2, 8, 6), torch.zeros(1, 8, 8)):
        with pytest.raises(ValueError, match="square"):
            filter_shapes(wrong)
