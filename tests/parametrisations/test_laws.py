"""Parametrisations: starts, adjoints and exact properties, against NumPy, SciPy and closed forms."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.fft import dctn

from deeprestore_lab.parametrisations import Dictionary, Fourier, Parametrisation, Pixels
from deeprestore_lab.parametrisations.fourier import frequency_scale, hartley
from refusals import refused

LINEAR = {
    "pixels": Pixels,
    "fourier": lambda x: Fourier(x, decay=0.0),
    "fourier 1/f": lambda x: Fourier(x, decay=1.0),
    "dct": lambda x: Dictionary(x, weight=2.0),
    "dct frame": lambda x: Dictionary(x, weight=2.0, transform="dct_frame"),
}


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(params=list(LINEAR))
def make(request):
    return LINEAR[request.param]


def test_starts_at_x0_and_leaves_it_alone(make):
    x0 = images(2, 3, 16, 8)
    kept = x0.clone()
    g = make(x0)
    torch.testing.assert_close(g(), x0, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        g.theta.mul_(2)
    assert torch.equal(x0, kept)
    assert g.theta.shape[0] == 2 and g.linear and not g.shared


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**20), name=st.sampled_from(sorted(LINEAR)))
def test_adjoint_is_the_transpose(seed, name):
    g = LINEAR[name](images(2, 2, 8, 16))
    x = images(2, 2, 8, 16, seed=seed)
    theta = torch.randn(g.theta.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    g.theta.data = theta
    torch.testing.assert_close((g() * x).sum(), (theta * g.adjoint(x)).sum(), rtol=1e-11, atol=1e-10)


def test_gradient_is_the_adjoint(make):
    g, x = make(images(1, 1, 8, 8)), images(1, 1, 8, 8, seed=3)
    (gradient,) = torch.autograd.grad((g() * x).sum(), g.theta)
    torch.testing.assert_close(gradient, g.adjoint(x), rtol=1e-12, atol=1e-12)


def test_is_float32_as_given(make):
    g = make(images(1, 3, 8, 8).float())
    assert g().dtype == g.adjoint(g()).dtype == torch.float32


@pytest.mark.parametrize("name", ["fourier", "dct"])
def test_orthonormal_maps_keep_the_norm(name):
    g = LINEAR[name](images(1, 1, 16, 16))
    torch.testing.assert_close(g.theta.norm(), g().norm(), rtol=1e-12, atol=0)


def test_frame_is_tight_and_overcomplete():
    g, x = Dictionary(images(1, 2, 9, 13), weight=1.0, transform="dct_frame"), images(1, 2, 9, 13, seed=1)
    g.theta.data = g.adjoint(x)
    torch.testing.assert_close(g(), x, rtol=1e-12, atol=1e-12)
    assert g.theta.numel() == 64 * x.numel()


def test_pixels_project_onto_bounds_without_touching_the_start():
    x0 = images(1, 1, 4, 4) * 3 - 1
    kept = x0.clone()
    g = Pixels(x0, bounds=(0, 1))
    np.testing.assert_array_equal(g().detach(), np.clip(kept.numpy(), 0, 1))
    assert torch.equal(x0, kept) and g.bounds == (0.0, 1.0)
    assert Pixels(x0).bounds is None


@pytest.mark.parametrize("size", [(4, 4), (5, 6), (1, 7)])
def test_hartley_against_its_definition(size):
    x = images(1, 1, *size)
    height, width = size
    angle = {
        (i, j): 2 * np.pi * (i * np.arange(height)[:, None] / height + j * np.arange(width) / width)
        for i in range(height)
        for j in range(width)
    }
    expected = np.array([[np.sum(x.numpy()[0, 0] * (np.cos(a) + np.sin(a))) for a in angle.values()]])
    expected = expected.reshape(size) / np.sqrt(height * width)
    np.testing.assert_allclose(hartley(x)[0, 0], expected, atol=1e-12)


def test_scale_follows_the_power_law():
    scale = frequency_scale(16, 16, decay=1.0)
    torch.testing.assert_close(scale[0, 1] / scale[0, 4], torch.tensor(4.0, dtype=torch.float64))
    torch.testing.assert_close(scale[0, 0], scale[0, 1])  # the mean is treated as the lowest frequency
    torch.testing.assert_close(scale.square().mean(), torch.tensor(1.0, dtype=torch.float64))


def test_dct_coefficients_against_scipy():
    x = images(1, 2, 16, 24)
    theta = Dictionary(x, weight=1.0).theta.detach()
    for row, column in [(0, 0), (1, 2)]:
        block = x[0, 1, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        expected = dctn(block.numpy(), norm="ortho").ravel()
        np.testing.assert_allclose(theta[0, 1, :, row, column], expected, atol=1e-12)


@pytest.mark.parametrize("free_mean", [True, False])
def test_penalty_is_the_weighted_l1_norm(free_mean):
    x, weight = images(2, 1, 8, 8), torch.tensor([1.0, 3.0])
    g = Dictionary(x, weight=weight, free_mean=free_mean)
    theta = np.abs([dctn(image[0].numpy(), norm="ortho") for image in x]).reshape(2, 64)
    expected = theta[:, free_mean:].sum(1) * [1, 3]
    np.testing.assert_allclose(g.penalty().detach(), expected, rtol=1e-12)
    assert not g.smooth_penalty


@settings(max_examples=20, deadline=None)
@given(step=st.floats(0.01, 10), seed=st.integers(0, 1000), free_mean=st.booleans())
@example(step=0.03125, seed=0, free_mean=False)  # float32 would round v - p by more than is asked
def test_penalty_prox_is_optimal(step, seed, free_mean):
    g = Dictionary((1, 1, 8, 8), weight=0.3, free_mean=free_mean)
    v = torch.randn(1, 1, 64, 1, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    p = g.penalty_prox(v, step)
    residual, threshold = (v - p)[0, 0, :, 0, 0], 0.3 * step  # must lie in threshold * the subgradient of |.|
    penalised = slice(int(free_mean), None)
    assert (residual[penalised].abs() <= threshold * (1 + 1e-5)).all()
    moved = p[0, 0, :, 0, 0] != 0
    expected = threshold * p[0, 0, :, 0, 0].sign()
    torch.testing.assert_close(residual[penalised][moved[penalised]], expected[penalised][moved[penalised]])
    if free_mean:
        assert residual[0] == 0


def test_penalty_is_zero_by_default():
    assert Pixels(images(3, 1, 4, 4)).penalty().tolist() == [0, 0, 0]
    with pytest.raises(NotImplementedError, match="proximal"):
        Pixels(images(1, 1, 4, 4)).penalty_prox(images(1, 1, 4, 4), 1.0)
    with pytest.raises(NotImplementedError, match="forward"):
        Parametrisation()()


test_bad_arguments_are_named = refused(
    (lambda: Pixels(torch.rand(3, 4, 4)), "shape"),
    (lambda: Pixels(torch.full((1, 1, 2, 2), torch.nan)), "finite"),
    (lambda: Pixels(images(1, 1, 2, 2), bounds=(1, 0)), "bounds"),
    (lambda: Pixels(images(1, 1, 2, 2), bounds=3), "bounds"),
    (lambda: Fourier(images(1, 1, 2, 2), decay=-1.0), "decay"),
    (lambda: Fourier(images(1, 1, 2, 2), decay="slow"), "decay"),
    (lambda: Dictionary(images(1, 1, 9, 8), weight=1.0), "multiples of 8"),
    (lambda: Dictionary(images(1, 1, 4, 8), weight=1.0, transform="dct_frame"), "at least 8"),
    (lambda: Dictionary(images(1, 1, 8, 8), weight=-1.0), "weight"),
    (lambda: Dictionary(images(2, 1, 8, 8), weight=torch.ones(3)), "3 weights"),
    (lambda: Dictionary((8, 8), weight=1.0), "shape"),
    (lambda: Dictionary(images(1, 1, 8, 8), weight=1.0, transform="wavelet"), "wavelet"),
)
