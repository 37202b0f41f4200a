"""The fitted linear filter against NumPy's least squares and against the Wiener filter of white noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab.baselines import fit_linear_filter
from deeprestore_lab.images import gaussian_noise, photographs


def _pair(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    x = photographs(["coffee", "rocket"], size=32)
    return x + gaussian_noise(x, sigma=0.1, seed=seed), x


def test_it_is_the_least_squares_solution_of_numpy():
    y, x = _pair()
    fitted = fit_linear_filter(y, x, size=3)
    padded = np.pad(y.double().numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    shifts = [padded[..., i : i + 32, j : j + 32].ravel() for i in range(3) for j in range(3)]
    matrix = np.stack([*shifts, np.ones(x.numel())], axis=1)
    expected = np.linalg.lstsq(matrix, x.double().numpy().ravel(), rcond=None)[0]
    np.testing.assert_allclose(fitted.kernel.numpy().ravel(), expected[:-1], atol=1e-5)
    assert fitted.constant == pytest.approx(expected[-1], abs=1e-5)
    np.testing.assert_allclose(fitted(y).numpy().ravel(), matrix @ expected, atol=1e-5)


def test_no_other_filter_does_better_where_it_was_fitted():
    y, x = _pair()
    best = (fit_linear_filter(y, x, size=5)(y) - x).square().mean()
    for other in (y, fit_linear_filter(y, x, size=3)(y), fit_linear_filter(*_pair(seed=1), size=5)(y)):
        assert (other - x).square().mean() > best


def test_white_pictures_shrink_towards_their_mean_as_wiener_says():
    draw = torch.Generator().manual_seed(3)
    x = 0.4 + 0.2 * torch.randn(8, 1, 64, 64, generator=draw)
    y = x + 0.1 * torch.randn(8, 1, 64, 64, generator=draw)
    fitted, share = fit_linear_filter(y, x, size=3), 0.2**2 / (0.2**2 + 0.1**2)
    expected = torch.zeros(3, 3, dtype=torch.float64)
    expected[1, 1] = share
    torch.testing.assert_close(fitted.kernel, expected, rtol=0, atol=0.02)
    assert fitted.constant == pytest.approx(0.4 * (1 - share), abs=0.02)


@pytest.mark.parametrize(("size", "message"), [(4, "odd"), (0, "size must be"), (65, "twice the sides")])
def test_a_size_that_does_not_fit_is_refused(size, message):
    y, x = _pair()
    with pytest.raises(ValueError, match=message):
        fit_linear_filter(y, x, size=size)


def test_other_shapes_are_refused():
    y, x = _pair()
    with pytest.raises(ValueError, match="one shape"):
        fit_linear_filter(y, x[:1])
