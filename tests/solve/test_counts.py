"""Counts whose means must not fall below zero: what is shown has a finite energy and goes on to the optimum."""

import cvxpy as cp
import numpy as np
import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import Energy, PoissonLikelihood
from deeprestore_lab.images.noise import poisson
from deeprestore_lab.operators import Blur, Mask
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import Tikhonov, TotalVariation
from deeprestore_lab.signal.kernels import gaussian_kernel
from deeprestore_lab.solve.choice import choose
from deeprestore_lab.solve.problem import Problem

N = 8
SQUARE = torch.zeros(1, 1, N, N, dtype=torch.float64)
SQUARE[..., 2:5, 2:5] = 1
BLUR = Blur(gaussian_kernel(1.0, size=7, dtype=torch.float64))
MASK = Mask(torch.rand(N, N, generator=torch.Generator().manual_seed(1)) > 0.3)
REFLECT = Blur(gaussian_kernel(1.0, size=7, dtype=torch.float64), border="reflect")
OPERATORS = {"reflecting blur": REFLECT, "blur": BLUR, "mask of blur": MASK @ REFLECT}
GREY = torch.full_like(SQUARE, 0.5)


def lowest(operator, y: torch.Tensor, *, bounds) -> float:
    """The minimum of 60 KL(y, A x) + 2 TV(x), by a conic solver."""
    matrix = operator.apply(torch.eye(N * N, dtype=torch.float64).reshape(N * N, 1, N, N)).flatten(1).T.numpy()
    one = np.eye(N, k=1) - np.eye(N)
    one[-1] = 0
    x = cp.Variable(N * N)
    down, right = np.kron(one, np.eye(N)) @ x, np.kron(np.eye(N), one) @ x
    seen = matrix.any(1)  # a masked pixel has a mean of 0, and no count
    data = cp.sum(cp.kl_div(y.numpy().ravel()[seen], matrix[seen] @ x))
    limits = [matrix[seen] @ x >= 0] + ([] if bounds is None else [x >= bounds[0], x <= bounds[1]])
    problem = cp.Problem(cp.Minimize(60 * data + 2 * cp.sum(cp.norm(cp.vstack([down, right]), 2, axis=0))), limits)
    problem.solve(solver="CLARABEL")
    means = np.maximum(matrix[seen] @ x.value, 1e-12)
    image = torch.from_numpy(x.value.reshape(1, 1, N, N))
    counts = y.numpy().ravel()[seen]
    value = (np.where(counts > 0, counts * np.log(np.maximum(counts, 1e-300) / means), 0) - counts + means).sum()
    return 60 * float(value) + 2 * float(TotalVariation()(image))


@pytest.mark.parametrize("bounds", [None, (0, 1)])
@pytest.mark.parametrize("name", OPERATORS)
def test_admm_goes_on_to_the_optimum(name, bounds):
    operator = OPERATORS[name]
    y = poisson(operator(SQUARE), peak=60, seed=0)
    assert (y == 0).any()
    energy = PoissonLikelihood(operator, y, peak=60) + 2 * TotalVariation()
    trace = minimise(energy, Pixels(GREY, bounds=bounds), solver="admm", steps=150, progress=False)
    best = lowest(operator, y, bounds=bounds)
    near = 1.15 if bounds is None else 1.005  # free pixels end with many means at zero, which takes longer
    assert best - 1e-3 <= trace.energy[-1].item() <= near * best
    assert (trace.energy.diff(dim=0)[-20:] != 0).any() or trace.converged.all(), "it stalls and says that it runs"


def test_single_precision_sees_no_impossible_counts_in_rounding():
    x, blur = torch.zeros(1, 1, 20, 20), Blur(gaussian_kernel(1.6))
    x[..., 5:15, 5:15] = 1
    energy = PoissonLikelihood(blur, poisson(blur(x), peak=60, seed=0), peak=60) + 2 * TotalVariation()
    start = torch.full_like(x, 0.5)
    for bounds, solver in (((0, 1), "proximal"), (None, "admm")):
        trace = minimise(energy, Pixels(start, bounds=bounds), steps=30, progress=False)
        assert trace.solver == solver and (trace.energy.diff(dim=0)[-10:] != 0).all()
        assert trace.energy[-1].item() < 0.2 * trace.energy[0].item()


def test_smooth_counts_go_to_the_solver_that_gets_past_the_wall():
    y = poisson(SQUARE, peak=60, seed=0)
    energy = PoissonLikelihood(Mask(torch.ones(N, N)), y, peak=60) + 4 * Tikhonov()
    assert choose(Problem(energy, Pixels(GREY))).name == "admm"
    assert choose(Problem(energy, Pixels(GREY, bounds=(0, 1)))).name == "lbfgs"
    free = minimise(energy, GREY, progress=False)
    held = minimise(energy, Pixels(GREY, bounds=(0, 2)), solver="lbfgs", progress=False)
    assert free.converged.all()
    torch.testing.assert_close(free.energy[-1], held.energy[-1], rtol=1e-3, atol=0)  # no mean is below zero in either


class Root(Energy):
    """sum sqrt(x): at 0, its minimum, the gradient is infinite."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return x.sqrt().flatten(1).sum(1)


def test_where_no_gradient_leads_on_the_proximal_solver_says_so():
    start = torch.zeros(2, 1, 4, 4)
    start[1] = 0.5
    trace = minimise(Root() + TotalVariation(), Pixels(start, bounds=(0, 1)), solver="proximal", steps=5)
    assert trace.stopped_by[0] == "line search" and not trace.converged[0]
    assert torch.equal(trace.x[0], start[0])
    assert trace.energy[-1, 1] < trace.energy[0, 1], "the other image goes its own way"
