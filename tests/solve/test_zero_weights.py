"""Terms that play no part, priors that stand alone, and squares given to every solver."""

from itertools import product

import numpy as np
import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import Energy, GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood
from deeprestore_lab.operators import Blur, Downsample, Identity, Mask
from deeprestore_lab.parametrisations import Dictionary, Pixels
from deeprestore_lab.priors import Tikhonov, TotalVariation


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


KERNEL = rand(3, 3, seed=7) / 4.5
REFLECT, CIRCULAR = Blur(KERNEL, border="reflect"), Blur(KERNEL)
MASK = Mask((rand(1, 1, 8, 8, seed=9) > 0.3).double())
OPERATORS = {
    "identity": Identity(),
    "reflecting blur": REFLECT,
    "circular blur": CIRCULAR,
    "downsampled blur": Downsample(2) @ CIRCULAR,
    "masked blur": MASK @ CIRCULAR,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_admm_solves_squares_as_dense_algebra_does(name):
    operator = OPERATORS[name]
    basis = torch.eye(64, dtype=torch.float64).reshape(64, 1, 8, 8)
    matrix = operator.apply(basis).flatten(1).T.numpy()
    y = operator.apply(rand(2, 1, 8, 8))
    energy = GaussianLikelihood(operator, y, sigma=0.3) + 0.5 * Tikhonov("identity", mean=0.0)
    trace = minimise(energy, rand(2, 1, 8, 8, seed=5), solver="admm", tolerance=1e-9, progress=False)
    assert trace.converged.all()
    normal = matrix.T @ matrix / 0.09 + 0.5 * np.eye(64)
    for n in range(2):
        expected = np.linalg.solve(normal, matrix.T @ y[n].numpy().ravel() / 0.09)
        np.testing.assert_allclose(trace.x[n].ravel(), expected, atol=1e-7)


@pytest.mark.parametrize("solver", ["closed_form", "proximal", "admm", "lbfgs", "adam"])
def test_an_image_of_one_pixel(solver):
    y = torch.full((1, 1, 1, 1), 0.6, dtype=torch.float64)
    energy = GaussianLikelihood(Identity(), y, sigma=0.5) + 4.0 * Tikhonov("identity", mean=0.0)
    trace = minimise(energy, torch.zeros_like(y), solver=solver, progress=False)
    assert abs(trace.x.item() - 0.3) < 1e-3  # as much weight on 0.6 as on 0


@pytest.mark.parametrize("weight", [0, 0.0, torch.zeros(2)])
@pytest.mark.parametrize("bounds", [None, (0.2, 0.8)])
def test_a_term_of_weight_zero_chooses_nothing(weight, bounds):
    y = CIRCULAR(rand(2, 1, 8, 8))
    data = GaussianLikelihood(CIRCULAR, y, sigma=0.1) + Tikhonov("identity")
    without = minimise(data, Pixels(y, bounds=bounds), progress=False)
    trace = minimise(data + weight * TotalVariation(), Pixels(y, bounds=bounds), progress=False)
    assert trace.solver == without.solver == ("lbfgs" if bounds else "closed_form")
    assert torch.equal(trace.x, without.x) and trace.converged.all()
    assert list(trace.terms) == ["gaussian likelihood", "tikhonov identity", "total variation"]
    assert not trace.terms["total variation"].any()
    torch.testing.assert_close(trace.energy, without.energy)


def test_one_weight_of_zero_in_a_batch_keeps_the_term():
    y, weights = rand(2, 1, 8, 8), torch.tensor([0.0, 3.0], dtype=torch.float64)
    trace = minimise(GaussianLikelihood(Identity(), y, sigma=0.1) + weights * TotalVariation(), y, progress=False)
    assert trace.solver == "proximal" and trace.terms["total variation"][-1, 1] > 0
    torch.testing.assert_close(trace.x[0], y[0])


def test_nothing_but_weights_of_zero_leaves_the_image_of_smallest_norm():
    trace = minimise(0 * Tikhonov("identity") + 0 * TotalVariation(), rand(1, 1, 8, 8), progress=False)
    assert trace.solver == "closed_form" and not trace.x.any()
    g = Dictionary(rand(1, 1, 8, 8), weight=0.5)
    assert minimise(0 * Tikhonov("identity"), g, progress=False).converged.all()  # the penalty alone


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("solver", ["proximal", "admm"])
@pytest.mark.parametrize("weight", [1e-3, 1.0, 1e3])
def test_total_variation_alone_ends_at_a_flat_image(weight, solver, dtype):
    start = rand(2, 3, 24, 24).to(dtype)
    trace = minimise(weight * TotalVariation(), start, solver=solver, progress=False)
    assert trace.converged.all() and trace.steps.max() < 200
    assert (trace.energy[-1] < 1e-3 * trace.energy[0]).all()
    if solver == "proximal":  # a proximal step of total variation keeps the mean
        torch.testing.assert_close(trace.x.mean((2, 3)), start.mean((2, 3)), rtol=0, atol=1e-4)


def test_a_prior_alone_within_bounds_and_beside_an_image_with_data():
    trace = minimise(TotalVariation(), Pixels(rand(1, 1, 16, 16), bounds=(0.2, 0.6)), progress=False)
    assert trace.converged.all() and trace.energy[-1] < 1e-3 * trace.energy[0]
    y, weights = rand(2, 1, 16, 16), torch.tensor([0.0, 1.0], dtype=torch.float64)
    energy = weights * GaussianLikelihood(CIRCULAR, y, sigma=0.1) + TotalVariation()
    both = minimise(energy, y, progress=False)
    alone = minimise(TotalVariation(), y[:1], progress=False)
    assert both.converged.all() and both.steps[0] == alone.steps[0]
    torch.testing.assert_close(both.x[:1], alone.x, rtol=0, atol=1e-9)


class Root(Energy):
    """A root has no gradient at 0, and no value below."""

    def value(self, x):
        return x.sqrt().flatten(1).sum(1)


COUNTS = PoissonLikelihood(Identity(), rand(2, 1, 6, 6), peak=50.0)


INFINITE = {"counts": COUNTS, "root": Root(), "both": COUNTS + Root()}


# a root has no proximal step
@pytest.mark.parametrize(("term", "solver"), [*product(INFINITE, ["adam", "lbfgs"]), ("counts", "admm")])
@pytest.mark.parametrize("low", [0.0, -0.2])
def test_an_image_of_weight_zero_sees_no_infinity(term, solver, low):
    """Image 0 starts where the term is infinite or has no gradient, as it may alone."""
    x = torch.full((2, 1, 6, 6), 0.5, dtype=torch.float64)
    x[0] = low
    steps, prior = 150 if solver == "admm" else 3, 100.0 * Tikhonov("identity")
    options = {"solver": solver, "steps": steps, "tolerance": 0.0, "progress": False}
    trace = minimise(torch.tensor([0.0, 1.0]) * INFINITE[term] + prior, x, **options)
    alone = minimise(prior, x[:1], **options)
    assert trace.x.isfinite().all() and trace.energy.isfinite().all()
    torch.testing.assert_close(trace.x[:1], alone.x, rtol=0, atol=1e-6 if solver == "admm" else 1e-12)


def test_values_and_gradients_of_a_sum_leave_out_what_weighs_nothing():
    x = torch.zeros(2, 1, 2, 2, requires_grad=True)
    with torch.no_grad():
        x[1] = 0.25
    energy = torch.tensor([0.0, 1.0]) * Root() + 0.0 * Root() + Tikhonov("identity", mean=0.0)
    assert energy(x).tolist() == [0.0, 2.0 + 0.125]
    assert energy.terms(x)["root"].tolist() == [0.0, 2.0]
    energy(x).sum().backward()
    assert x.grad[0].tolist() == [[[0.0] * 2] * 2] and x.grad[1].isfinite().all()
    torch.testing.assert_close(energy.score(x), -x.grad)


def test_a_likelihood_alone_with_a_kink_ends_at_the_measurement():
    y = rand(1, 1, 8, 8)
    trace = minimise(LaplaceLikelihood(Identity(), y, scale=0.1), torch.zeros_like(y), progress=False)
    assert trace.solver == "proximal" and trace.converged.all()
    torch.testing.assert_close(trace.x, y)


@pytest.mark.parametrize("operator", [Identity(), CIRCULAR], ids=["identity", "blur"])
def test_one_weight_of_zero_in_a_batch_stays_within_bounds(operator):
    y, weights = 3 * rand(2, 1, 8, 8) - 1, torch.tensor([0.0, 1.0], dtype=torch.float64)
    energy = GaussianLikelihood(operator, y, sigma=0.1) + weights * TotalVariation()
    trace = minimise(energy, Pixels(y, bounds=(0, 1)), solver="proximal", progress=False)
    assert trace.x.min() >= 0 and trace.x.max() <= 1
    if isinstance(operator, Identity):
        torch.testing.assert_close(trace.x[0], y[0].clamp(0, 1))
