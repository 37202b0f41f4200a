"""Solvers ask by verbs: none names an energy, priors made outside are solved, a solver is one class and one line."""

import ast
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest
import torch

import deeprestore_lab.energies as energies
import deeprestore_lab.solve as solve
from deeprestore_lab import minimise
from deeprestore_lab.energies import Energy, GaussianLikelihood, InexactProx, PoissonLikelihood
from deeprestore_lab.operators import Blur, Identity, MatrixOperator
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import AlphaNorm, Tikhonov, TotalVariation
from deeprestore_lab.solve.choice import SOLVERS, able
from deeprestore_lab.solve.lbfgs import LBFGS
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.solver import Solver

FILES = sorted(Path(solve.__file__).parent.glob("*.py"))


def imported(path: Path) -> set[tuple[str, str]]:
    """(module, name) of everything that a file takes from energies or priors."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [(node.module or "", alias.name) for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [(alias.name, "") for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {(module, name) for module, name in names if {"energies", "priors"} & {*module.split("."), name}}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_solver_names_an_energy(path):
    for module, name in imported(path):
        assert "priors" not in f"{module}.{name}", f"{path.name} imports from the priors"
        thing = getattr(energies, name, None)
        assert thing is not None, f"{path.name} takes {name} from {module}, not from the front of energies"
        concrete = isinstance(thing, type) and issubclass(thing, Energy) and thing is not Energy
        assert not concrete, f"{path.name} names {name}: let it answer by a verb"


def test_what_solvers_import_is_seen(tmp_path):
    """The reader finds every way of naming a class, so that the test above cannot pass by seeing nothing."""
    file = tmp_path / "wrong.py"
    for text in (
        "from deeprestore_lab.priors import X",
        "import deeprestore_lab.priors.x",
        "from deeprestore_lab import priors",
    ):
        file.write_text(text)
        assert imported(file), text
    assert ("deeprestore_lab.energies", "Energy") in imported(FILES[0].parent / "splitting.py")


class Absolute(Energy):
    """sum |x|, whose step comes from its dual, as if no closed form were known."""

    smooth, prox_gap = False, 1e-10

    def __init__(self):
        self.asked = []

    def value(self, x):
        return x.abs().flatten(1).sum(1)

    def inexact_prox(self, v, step, *, bounds=None, gap=None, start=None, steps=None):
        self.asked.append((bounds, start is not None, steps))
        gap, t = self.prox_gap if gap is None else gap, torch.as_tensor(step).reshape(-1, 1, 1, 1)
        u = torch.zeros_like(v) if start is None else start
        for _ in range(steps or 1000):
            x = v - t * u if bounds is None else (v - t * u).clamp(*bounds)
            primal = 0.5 * (x - v).square().flatten(1).sum(1) + t.flatten() * self.value(x)
            found = t.flatten() * (self.value(x) - (u * x).flatten(1).sum(1)) / primal.clamp_min(1e-300)
            if (found <= gap).all():
                break
            u = (u + 0.5 * x / t).clamp(-1, 1)
        return InexactProx(x, found, primal, u, 1e-14)


@pytest.mark.parametrize("bounds", [None, (-0.05, 0.2)])
def test_a_prior_with_a_step_by_iterations_needs_no_change_of_the_solver(bounds):
    matrix = torch.randn(8, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    operator, y = MatrixOperator(matrix, (1, 2, 3), (8,)), torch.linspace(-1, 1, 8, dtype=torch.float64)[None]
    prior = Absolute()
    start = Pixels(torch.full((1, 1, 2, 3), 0.1, dtype=torch.float64), bounds=bounds)
    trace = minimise(GaussianLikelihood(operator, y, sigma=0.5) + 2.0 * prior, start, tolerance=1e-9, steps=2000)
    x = cp.Variable(6)
    limits = [] if bounds is None else [x >= bounds[0], x <= bounds[1]]
    cost = 2 * cp.sum_squares(matrix.numpy() @ x - y[0].numpy()) + 2 * cp.norm1(x)
    cp.Problem(cp.Minimize(cost), limits).solve(solver="CLARABEL")
    assert trace.solver == "proximal" and trace.converged.all()
    np.testing.assert_allclose(trace.x.ravel(), x.value, atol=1e-5)
    assert {asked[0] for asked in prior.asked} == {bounds} and prior.asked[-1][1], "it goes on from the step before"


class Ball(Energy):
    """Distance to the origin of the whole image, with its step within bounds told by nobody."""

    smooth = False

    def value(self, x):
        return x.flatten(1).norm(dim=1)

    def prox(self, v, step):
        length = v.flatten(1).norm(dim=1)
        return v * (1 - step / length).clamp_min(0).reshape(-1, 1, 1, 1)


Y = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
DATA = GaussianLikelihood(Identity(), Y, sigma=0.1)
THESE = {"closed_form", "proximal", "admm", "lbfgs", "adam", "pnp_admm", "pnp_hqs", "pnp_proximal"}


def able_of_these(problem) -> list[str]:
    """In the order in which "auto" asks; a solver that is added later changes nothing here."""
    return [name for name in able(problem) if name in THESE]


def test_a_kinked_prior_without_a_bounded_step_goes_to_admm():
    problem = Problem(DATA + Ball(), Pixels(Y, bounds=(0, 1)))
    assert "ball within bounds is not known" in SOLVERS["proximal"].why_not(problem)
    assert able_of_these(problem) == ["admm", "adam"]
    assert minimise(DATA + Ball(), Y).solver == "proximal"


@pytest.mark.parametrize(
    ("energy", "bounds", "expected"),
    [
        (DATA + Tikhonov(), None, ["closed_form", "proximal", "admm", "lbfgs", "adam"]),
        (DATA + TotalVariation(), (0, 1), ["proximal", "admm", "adam"]),
        (DATA + TotalVariation(smoothing=0.1), None, ["proximal", "lbfgs", "adam"]),
        (
            PoissonLikelihood(Blur(torch.ones(1, 3, dtype=torch.float64) / 3), Y, peak=9.0),
            None,
            ["admm", "lbfgs", "adam"],
        ),
        (DATA + AlphaNorm(), (0, 1), ["proximal", "admm", "lbfgs", "adam"]),
    ],
    ids=["squares", "kink in bounds", "smooth", "counts", "steep"],
)
def test_each_solver_says_what_it_takes(energy, bounds, expected):
    assert able_of_these(Problem(energy, Pixels(Y, bounds=bounds))) == expected


class Halving(Solver):
    """A solver that somebody adds: halfway to the middle grey at every step, for one image size alone."""

    name, default_steps, default_tolerance = "halving", 3, 0.0

    @classmethod
    def why_not(cls, problem):
        return None if problem.x().shape[-1] == 4 else "it likes images of four columns"

    def step(self, active):
        self.problem.move(0.5 + (self.problem.theta - 0.5) / 2, active)
        return torch.full((self.problem.batch,), torch.inf)


def test_a_solver_of_one_s_own_is_taken_as_a_class(tmp_path):
    trace = minimise(DATA, Y, solver=Halving, progress=False)
    assert trace.solver == "halving"
    torch.testing.assert_close(trace.x, 0.5 + (Y - 0.5) / 8)
    with pytest.raises(ValueError, match="'halving' cannot take this problem: it likes images of four columns"):
        minimise(DATA, Y[..., :3], solver=Halving)
    with pytest.raises(ValueError, match="the solver Solver must say its name, default_steps, default_tolerance"):
        minimise(DATA, Y, solver=Solver)
    with pytest.raises(ValueError, match="solver must be one of"):
        minimise(DATA, Y, solver=Halving.name)


class Changed(LBFGS):
    """Another solver under the name that it inherits."""


def test_a_checkpoint_of_another_solver_of_that_name_is_refused(tmp_path):
    settings = {"steps": 2, "tolerance": 0.0, "progress": False, "checkpoint": tmp_path / "run"}
    minimise(DATA, Y, solver=Changed, **settings)
    with pytest.raises(ValueError, match="kind of solver differs .there 'Changed', here 'LBFGS'"):
        minimise(DATA, Y, solver="lbfgs", **settings)


class Mirrored(Pixels):
    """Images that are the same from the left and from the right: x = (theta + its mirror image) / 2."""

    def forward(self):
        return (self.theta + self.theta.flip(-1)) / 2


class MirroredBothWays(Mirrored):
    def adjoint(self, x):
        return (x + x.flip(-1)) / 2


def test_pixels_that_make_another_image_of_theta_are_not_solved_as_pixels():
    """The best mirrored x lies at the mirrored mean of y; a solver that took theta for x would end elsewhere."""
    y = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    squares, best = GaussianLikelihood(Identity(), y, sigma=0.1), (y + y.flip(-1)) / 2
    kinked = squares + 1e-9 * TotalVariation()
    for kind in (Mirrored, MirroredBothWays):
        for solver in ("proximal", "admm"):
            with pytest.raises(ValueError, match="theta is not pixels"):
                minimise(kinked, kind(y), solver=solver)
    with pytest.raises(ValueError, match="the parametrisation is not linear"):
        minimise(squares, Mirrored(y), solver="closed_form")
    for g, solver in ((Mirrored(y), "lbfgs"), (MirroredBothWays(y), "closed_form"), (MirroredBothWays(y), "proximal")):
        trace = minimise(squares, g, solver=solver, tolerance=1e-9, progress=False)
        torch.testing.assert_close(trace.x, best, rtol=0, atol=1e-6)


def test_a_new_solver_is_a_class_and_a_line(monkeypatch):
    monkeypatch.setitem(SOLVERS, "halving", Halving)
    trace = minimise(DATA, Y, solver="halving")
    torch.testing.assert_close(trace.x, 0.5 + (Y - 0.5) / 8)
    with pytest.raises(ValueError, match="'halving' cannot take this problem: it likes images of four columns"):
        minimise(DATA, Y[..., :3], solver="halving")
    with pytest.raises(ValueError, match="'halving' finds its own"):
        minimise(DATA, Y, solver="halving", lr=0.1)
