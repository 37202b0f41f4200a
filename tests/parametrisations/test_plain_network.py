"""Plain and coordinate networks: their laws, and their images written out in NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.networks import FourierFeatures, grid, random_frequencies
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import CoordinateNetwork, PlainMLP
from deeprestore_lab.parametrisations.network import input_seed
from refusals import refused


def layers(theta: torch.Tensor, widths: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """A row of theta as weights and biases, (outputs, inputs) and (outputs,)."""
    numbers, found = theta.detach().numpy(), []
    for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
        found.append((numbers[: inputs * outputs].reshape(outputs, inputs), numbers[inputs * outputs :][:outputs]))
        numbers = numbers[outputs * (inputs + 1) :]
    assert numbers.size == 0
    return found


def through(h: np.ndarray, found: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    for k, (W, b) in enumerate(found):
        h = h @ W.T + b if k == 0 else np.maximum(h, 0) @ W.T + b
    return h


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_plain_network_is_layer_after_layer_from_one_input(depth):
    g = PlainMLP((2, 3, 4, 5), hidden=7, depth=depth, latent=6, seed=[1, 2]).double()
    for i in range(2):
        found = layers(g.theta[i], [6, *[7] * depth, 60])
        np.testing.assert_allclose(g()[i].detach().flatten(), through(g.z[i].numpy(), found), atol=1e-12)


def test_the_input_of_a_plain_network_is_standard_normal():
    z = PlainMLP((1, 1, 1, 1), hidden=1, depth=1, latent=20_000).z
    assert z.shape == (1, 20_000) and abs(z.mean()) < 4 / 20_000**0.5 and abs(z.std() - 1) < 4 / 40_000**0.5


def permuted_rows(g: PlainMLP, order: torch.Tensor, *, hidden: int) -> torch.Tensor:
    """theta `(1, P)` with the rows of the last layer, and its biases, in another order."""
    outputs = len(order)
    rest, last, bias = g.theta.detach().split(
        [g.parameter_count - outputs * (hidden + 1), outputs * hidden, outputs], 1
    )
    return torch.cat([rest, last.reshape(1, outputs, hidden)[:, order].flatten(1), bias[:, order]], 1)


@settings(max_examples=20)
@given(order=st.permutations(range(24)), seed=st.integers(0, 2**32))
def test_permuting_the_rows_of_the_last_layer_permutes_the_pixels(order, seed):
    order = torch.tensor(order)
    g = PlainMLP((1, 2, 3, 4), hidden=5, depth=2, seed=seed).double()
    x = g().detach()
    g.theta.data = permuted_rows(g, order, hidden=5)
    torch.testing.assert_close(g().flatten(), x.flatten()[order], rtol=0, atol=1e-14)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_search_for_shuffled_pixels_is_the_shuffled_search(seed):
    """So it fits a shuffled photograph exactly as well as the photograph: neighbourhood means nothing to it."""
    y = torch.rand(1, 1, 6, 6, dtype=torch.float64)
    order = torch.randperm(36)

    def run(target: torch.Tensor, g: PlainMLP) -> tuple[list[torch.Tensor], torch.Tensor]:
        seen: list[torch.Tensor] = []
        trace = minimise(GaussianLikelihood(Identity(), target, sigma=0.1), g, steps=60, lr=1e-3,
                         callback=lambda step, x: seen.append(x))  # fmt: skip
        return seen, trace.energy

    g, other = (PlainMLP((1, 1, 6, 6), hidden=16, depth=2, seed=seed).double() for _ in range(2))
    other.theta.data = permuted_rows(other, order, hidden=16)
    plain, energy = run(y, g)
    shuffled, other_energy = run(y.flatten()[order].reshape(1, 1, 6, 6), other)
    assert energy[-1] < energy[0] / 2
    for x, shuffled_x in zip(plain, shuffled, strict=True):
        torch.testing.assert_close(shuffled_x.flatten(), x.flatten()[order], rtol=0, atol=1e-10)
    torch.testing.assert_close(other_energy, energy, rtol=1e-9, atol=0)
    torch.testing.assert_close(other.theta, permuted_rows(g, order, hidden=16), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("height", "width"), [(5, 8), (1, 9)])
@pytest.mark.parametrize("features", [0, 6])
def test_a_pixel_of_a_coordinate_network_is_the_net_at_its_coordinate(height, width, features):
    g = CoordinateNetwork((2, 3, height, width), features=features, scale=2.0, hidden=7, depth=2, seed=[1, 4]).double()
    for i, seed in enumerate([1, 4]):
        found = layers(g.theta[i], [2 * features or 2, 7, 7, 3])
        B = random_frequencies(features, scale=2.0, seed=input_seed(seed)).double().numpy() if features else None
        for row, column in [(0, 0), (height - 1, width // 2), (height // 2, width - 1)]:
            v = (np.array([row, column]) + 0.5) / max(height, width)
            wave = 2 * np.pi * B @ v if features else None
            h = np.concatenate([np.cos(wave), np.sin(wave)]) if features else 2 * v - 1
            np.testing.assert_allclose(g()[i, :, row, column].detach(), through(h, found), atol=1e-5)


@pytest.mark.parametrize("features", [0, 16])
def test_a_finer_grid_has_the_same_values_where_it_has_the_same_coordinates(features):
    coarse, fine = (
        CoordinateNetwork((1, 2, n * 4, n * 5), features=features, scale=3.0, hidden=8, depth=2, seed=6)()
        for n in (1, 3)
    )
    torch.testing.assert_close(fine[:, :, 1::3, 1::3], coarse, rtol=0, atol=1e-5)


def test_a_pixel_does_not_see_the_others():
    g = CoordinateNetwork((1, 1, 4, 4), features=3, hidden=5, depth=1)
    x = g().detach().flatten()
    order = torch.randperm(16)
    torch.testing.assert_close(g._images(g.z[:, order]).flatten(), x[order], rtol=0, atol=1e-6)
    moved = g.z.clone()
    moved[:, 3] += 1
    changed = (g._images(moved).flatten() - x).abs() > 1e-6
    assert changed.tolist() == [k == 3 for k in range(16)]


def test_frequencies_are_of_the_scale_and_not_the_numbers_of_the_weights():
    g = CoordinateNetwork((1, 1, 4, 4), features=500, scale=5.0, hidden=2, depth=1, seed=3)
    drawn = random_frequencies(500, scale=5.0, seed=input_seed(3))
    torch.testing.assert_close(g.z, FourierFeatures(drawn)(grid(4, 4))[None])
    assert abs(drawn.std() / 5 - 1) < 4 / 2000**0.5
    same = random_frequencies(500, scale=5.0, seed=3)  # what one generator for both would give
    assert abs(np.corrcoef(drawn.flatten(), same.flatten())[0, 1]) < 4 / 1000**0.5


@pytest.mark.parametrize("kind", [PlainMLP, CoordinateNetwork])
def test_seeds_batches_and_the_global_generator(kind):
    before = torch.get_rng_state()
    batch = kind((3, 1, 5, 6), hidden=8, seed=[1, 2, 1])
    assert torch.equal(torch.get_rng_state(), before)
    x, y = batch().detach(), torch.rand(3, 1, 5, 6)
    assert torch.equal(x[0], x[2]) and not torch.equal(x[0], x[1])
    noise = {"input_noise": 0.1, "seed": 3}
    trace = minimise(GaussianLikelihood(Identity(), y, sigma=0.1), batch, steps=5, **noise)
    assert trace.solver == "adam"
    for i, seed in enumerate([1, 2, 1]):
        alone = kind((1, 1, 5, 6), hidden=8, seed=seed)
        assert torch.equal(alone().detach(), x[i : i + 1])
        own = minimise(GaussianLikelihood(Identity(), y[i : i + 1], sigma=0.1), alone, steps=5, **noise)
        assert torch.equal(own.x[0], trace.x[i]) and torch.equal(own.energy[:, 0], trace.energy[:, i])


def test_fourier_features_fit_a_fine_pattern_that_plain_coordinates_do_not():
    x = (torch.arange(16) % 4 < 2).float().expand(1, 1, 16, 16)
    ends = []
    for features in (0, 32):
        g = CoordinateNetwork(x.shape, features=features, scale=4.0, hidden=32, depth=2)
        trace = minimise(GaussianLikelihood(Identity(), x, sigma=0.1), g, steps=100, lr=3e-3, reference=x)
        ends.append(trace.psnr[-1].item())
    assert ends[1] > ends[0] + 10


test_bad_arguments_are_named = refused(
    (lambda: PlainMLP((1, 4, 4)), "shape must be"),
    (lambda: PlainMLP((1, 1, 4, 4), hidden=0), "a width must be"),
    (lambda: PlainMLP((1, 1, 4, 4), depth=-1), "depth must be a whole number of at least 0, got -1"),
    (lambda: PlainMLP((1, 1, 4, 4), latent=0), "a width must be"),
    (lambda: PlainMLP((2, 1, 4, 4), seed=[1]), "1 seeds were given for 2 images"),
    (lambda: CoordinateNetwork((1, 4, 4)), "shape must be"),
    (lambda: CoordinateNetwork((1, 1, 4, 4), features=-1), "features must be"),
    (lambda: CoordinateNetwork((1, 1, 4, 4), features=2.5), "features must be"),
    (lambda: CoordinateNetwork((1, 1, 4, 4), scale=0.0), "scale must be"),
    (lambda: CoordinateNetwork((1, 1, 4, 4), hidden=1.5), "a width must be"),
    (lambda: CoordinateNetwork((1, 1, 4, 4), depth=True), "depth must be"),
    (lambda: CoordinateNetwork((1, 1, 4, 4), seed=-1), "seed must be"),
)
