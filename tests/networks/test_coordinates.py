"""Coordinates, Fourier features and fully connected layers against NumPy and the addition theorem of the cosine."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deeprestore_lab.networks import MLP, FourierFeatures, grid, random_frequencies
from refusals import refused


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 8), (7, 2), (1, 1)])
def test_the_grid_holds_the_centres_of_the_pixels_row_by_row(height, width):
    down, across = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    expected = (np.stack([down.ravel(), across.ravel()], 1) + 0.5) / max(height, width)
    np.testing.assert_allclose(grid(height, width), expected, rtol=1e-6)


def features(count: int, dimensions: int = 2, seed: int = 0) -> FourierFeatures:
    return FourierFeatures(random_frequencies(count, dimensions, scale=3.0, seed=seed).double())


def test_features_are_all_cosines_and_then_all_sines():
    gamma, points = features(5), grid(3, 4).double()
    phase = 2 * np.pi * points.numpy() @ gamma.frequencies.numpy().T
    np.testing.assert_allclose(gamma(points), np.concatenate([np.cos(phase), np.sin(phase)], 1), atol=1e-12)


coordinate = st.floats(-2, 2)
point = st.tuples(coordinate, coordinate)


@given(v=point, w=point, shift=point, seed=st.integers(0, 2**32))
def test_inner_products_depend_on_the_difference_of_two_points_alone(v, w, shift, seed):
    gamma = features(8, seed=seed)
    v, w, shift = (torch.tensor([p], dtype=torch.float64) for p in (v, w, shift))
    here, there = gamma(v) @ gamma(w).T, gamma(v + shift) @ gamma(w + shift).T
    torch.testing.assert_close(here, there, rtol=0, atol=1e-10)
    expected = torch.cos(2 * torch.pi * gamma.frequencies @ (v - w)[0]).sum()
    torch.testing.assert_close(here[0, 0], expected, rtol=0, atol=1e-10)


def test_nothing_in_the_features_is_trained():
    gamma = FourierFeatures(torch.rand(4, 2, requires_grad=True))
    assert list(gamma.parameters()) == [] and list(gamma.state_dict()) == ["frequencies"]
    assert not gamma(torch.rand(3, 2)).requires_grad


def test_frequencies_are_copied_and_follow_the_module():
    frequencies = torch.ones(4, 2)
    gamma = FourierFeatures(frequencies)
    frequencies.zero_()
    assert gamma.frequencies.min() == 1 and gamma.double()(torch.rand(3, 2).double()).dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_have_the_precision_of_the_points(dtype):
    frequencies, points = random_frequencies(4, scale=3.0, seed=0), grid(3, 4)
    phase = 2 * np.pi * points.double().numpy() @ frequencies.double().numpy().T
    found = FourierFeatures(frequencies)(points.to(dtype))
    assert found.dtype == dtype
    expected, tolerance = np.concatenate([np.cos(phase), np.sin(phase)], 1), 100 * torch.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_random_frequencies_have_the_stated_spread_and_seed():
    drawn = random_frequencies(20_000, scale=10.0, seed=1)
    assert drawn.shape == (20_000, 2)
    assert abs(drawn.mean()) < 4 * 10 / 40_000**0.5  # four standard errors of the mean, and of the deviation
    assert abs(drawn.std() - 10) < 4 * 10 / 80_000**0.5
    assert torch.equal(drawn, random_frequencies(20_000, scale=10.0, seed=1))
    assert not torch.equal(drawn, random_frequencies(20_000, scale=10.0, seed=2))
    assert random_frequencies(3, 1, scale=1.0, seed=0).shape == (3, 1)


def test_drawing_frequencies_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    random_frequencies(3, scale=1.0, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


test_bad_arguments_are_named = refused(
    (lambda: grid(0, 3), "height must be a whole number of at least 1, got 0"),
    (lambda: grid(3, 1.5), "width must be"),
    (lambda: random_frequencies(0, scale=1.0, seed=0), "count"),
    (lambda: random_frequencies(3, 0, scale=1.0, seed=0), "dimensions"),
    (lambda: random_frequencies(3, scale=0.0, seed=0), "scale"),
    (lambda: random_frequencies(3, scale=1.0, seed=-1), "seed"),
    (lambda: FourierFeatures(torch.rand(3)), r"frequencies must be a float tensor \(F, d\)"),
    (lambda: FourierFeatures(torch.ones(3, 2, dtype=torch.long)), "frequencies must be"),
    (lambda: FourierFeatures([[1.0, 2.0]]), "frequencies must be"),
    (lambda: FourierFeatures(torch.rand(3, 2))(torch.rand(5, 3)), "points must have 2 coordinates"),
    (lambda: FourierFeatures(torch.rand(3, 2))(torch.ones(5, 2, dtype=torch.long)), "points .* got a int64"),
)


@pytest.mark.parametrize("widths", [[3, 2], [3, 7, 2], [3, 7, 5, 4, 2]])
def test_layers_are_products_with_zero_as_the_floor_between_them(widths):
    net = MLP(widths).double()
    x = torch.rand(4, 6, 3, dtype=torch.float64) - 0.5
    h = x.numpy()
    parameters = [p.detach().numpy() for p in net.parameters()]
    for k, (W, b) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
        h = h @ W.T + b
        h = h if k == len(widths) - 2 else np.maximum(h, 0)
    np.testing.assert_allclose(net(x).detach(), h, atol=1e-12)
    assert sum(p.size for p in parameters) == sum((i + 1) * o for i, o in zip(widths[:-1], widths[1:], strict=True))


def test_weights_start_within_the_stated_bound_and_fill_it():
    weight = MLP([100, 400])[0].weight
    assert weight.abs().max() <= 0.1 and weight.abs().max() > 0.099
    assert abs(weight.std() - 0.1 / 3**0.5) < 1e-3  # of a uniform distribution


@pytest.mark.parametrize(
    ("widths", "message"),
    [([3], r"widths of its input and its output at least, got \[3\]"), ([], "got"), ([3, 0], "a width"),
     ([2.5, 3], "a width")],
)  # fmt: skip
def test_bad_widths_are_named(widths, message):
    with pytest.raises(ValueError, match=message):
        MLP(widths)
