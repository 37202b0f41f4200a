"""Frequencies and colours that do not go together: starts, the law of colours it draws, and photographs' own axes."""

import numpy as np
import pytest
import torch

from deeprestore_lab import images
from deeprestore_lab.parametrisations import DecorrelatedFourier, Fourier, colour_axes
from deeprestore_lab.parametrisations.decorrelated import COLOUR_AXES
from refusals import refused


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_starts_at_x0_within_the_open_range():
    x0 = 0.05 + 0.9 * drawn(2, 3, 8, 12)
    torch.testing.assert_close(DecorrelatedFourier(x0)(), x0)
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64).reshape(2, 1, 1, 1).expand(2, 3, 4, 4)
    torch.testing.assert_close(DecorrelatedFourier(ends)()[:, 0, 0, 0], torch.tensor([0.01, 0.99]).double())


def test_without_mixing_it_is_the_sigmoid_of_frequencies():
    x0 = 0.2 + 0.6 * drawn(1, 3, 8, 8)
    g = DecorrelatedFourier(x0, decay=1.5, colours=torch.eye(3))
    plain = Fourier(torch.logit(x0), decay=1.5)
    torch.testing.assert_close(g.theta, plain.theta)
    step = drawn(1, 3, 8, 8, seed=1)
    g.theta.data += step
    plain.theta.data += step
    torch.testing.assert_close(g(), torch.sigmoid(plain()))


def test_white_theta_has_colours_with_the_covariance_of_the_axes():
    g = DecorrelatedFourier(torch.full((40, 3, 16, 16), 0.5, dtype=torch.float64))
    noise = torch.randn(g.theta.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    g.theta.data = noise
    before = torch.logit(g()).movedim(1, 0).flatten(1)
    axes = torch.tensor(COLOUR_AXES, dtype=torch.float64)
    torch.testing.assert_close(torch.cov(before), axes @ axes.T, rtol=0.1, atol=0.05)


def test_the_axes_are_those_of_the_training_photographs():
    x = images.photographs(list(images.TRAINING_PHOTOGRAPHS), size=128)
    torch.testing.assert_close(colour_axes(x), torch.tensor(COLOUR_AXES, dtype=torch.float64), rtol=0, atol=1e-3)


def test_axes_diagonalise_the_covariance_by_numpy():
    x = torch.einsum("cd,ndhw->nchw", drawn(3, 3, seed=3), drawn(2, 3, 9, 7, seed=4))
    axes = colour_axes(x).numpy()
    rows = x.movedim(1, 0).flatten(1).numpy()
    inverse = np.linalg.inv(axes)
    white = inverse @ np.cov(rows, ddof=0) @ inverse.T
    assert np.allclose(white, white[0, 0] * np.eye(3), atol=1e-10 * white[0, 0] * 1e4)
    lengths = np.linalg.norm(axes, axis=0)
    assert lengths[0] == pytest.approx(1) and (np.diff(lengths) < 0).all()
    assert np.allclose(axes.T @ axes, np.diag(lengths**2), atol=1e-12)


test_what_does_not_fit_is_refused = refused(
    (lambda: DecorrelatedFourier(torch.rand(1, 1, 4, 4)), "3"),
    (lambda: DecorrelatedFourier(torch.rand(1, 3, 4, 4), decay=-1), "decay"),
    (lambda: DecorrelatedFourier(torch.rand(1, 3, 4, 4), colours=torch.ones(3, 3)), "invertible"),
    (lambda: DecorrelatedFourier(torch.rand(1, 3, 4, 4), colours=torch.eye(2)), r"\(3, 3\)"),
    (lambda: colour_axes(torch.rand(1, 1, 4, 4).expand(1, 3, 4, 4)), "plane"),
    (lambda: colour_axes(torch.rand(1, 1, 4, 4)), "3"),
)
