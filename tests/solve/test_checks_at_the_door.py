"""Checks are made when a thing is made or first seen; a step repeats none, and what changes in a run is caught."""

import os
import sys
from collections import Counter

import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.core import checks
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.operators import Mask
from deeprestore_lab.parametrisations import Parametrisation, Pixels
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.solve.bookkeeping import NonFiniteError

Y = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
SEEN = Mask(torch.rand(8, 8, generator=torch.Generator().manual_seed(1)) > 0.3)


def problem(smoothing: float = 0.0) -> Energy:
    return GaussianLikelihood(SEEN, SEEN(Y), sigma=0.1) + 5.0 * TotalVariation(smoothing=smoothing)


def calls_of_checks(run) -> Counter:
    """How often each function of `core.checks` is called."""
    found, folder = Counter(), os.path.dirname(checks.__file__) + os.sep

    def note(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(folder) and "check" in frame.f_code.co_name:
            found[frame.f_code.co_name] += 1

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize(
    ("solver", "smoothing", "allowed"),
    [
        ("adam", 0.0, {}),
        ("lbfgs", 0.1, {}),
        ("proximal", 0.0, {}),
        ("admm", 0.0, {"check_positive": 8, "_check_number": 8}),  # rho of the operator's own solve, once a step
    ],
)
def test_more_steps_make_no_more_checks(solver, smoothing, allowed):
    energy = problem(smoothing)

    def run(steps: int) -> Counter:
        options = {"solver": solver, "tolerance": 0.0, "progress": False, "snapshots": False}
        return calls_of_checks(lambda: minimise(energy, Y, steps=steps, **options))

    few, many = run(4), run(12)
    assert few.total() > 5, "the door checks"
    assert dict(many - few) == allowed


@pytest.mark.parametrize("solver", ["adam", "proximal", "admm", "lbfgs"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: setattr(data, "y", data.y[:, :, :4]), "A x has shape .* but the measurement y has shape"),
        (lambda data: setattr(data, "y", torch.cat([data.y, data.y])), "but the measurement y has shape"),
        (lambda data: setattr(data, "y", data.y.to(torch.complex64)), "but the measurement y is complex"),
        (lambda data: setattr(data.operator, "mask", torch.ones(1, 1, 4, 8)), "does not fit"),
        (lambda data: data.y.fill_(torch.nan), "not finite|is nan"),
    ],
    ids=["another shape", "another batch", "complex", "another mask", "not finite"],
)
def test_a_measurement_that_changes_during_a_run_is_caught(solver, change, message):
    operator = Mask(SEEN.mask)
    data = GaussianLikelihood(operator, SEEN(Y), sigma=0.1)
    prior = TotalVariation(smoothing=0.1 if solver == "lbfgs" else 0.0)

    def callback(step, x):
        if step == 2:
            change(data)

    if solver == "lbfgs" and message == "not finite|is nan":  # its line search takes no step there, and says so
        trace = minimise(
            data + 5.0 * prior, Y, solver=solver, steps=8, tolerance=0.0, callback=callback, progress=False
        )
        assert trace.stopped_by == ["line search"] * 2
        return
    with pytest.raises(ValueError, match=message):
        minimise(data + 5.0 * prior, Y, solver=solver, steps=8, tolerance=0.0, callback=callback, progress=False)


class Growing(Parametrisation):
    """Its images change in the middle of a run: in shape, in precision, or to nothing."""

    def __init__(self, change) -> None:
        super().__init__()
        self.theta, self.change, self.calls = torch.nn.Parameter(Y.clone()), change, 0

    def forward(self) -> torch.Tensor:
        self.calls += 1
        return self.theta if self.calls < 9 else self.change(self.theta)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :, :6], "does not fit|has shape"),
        (lambda x: x.half(), "too coarse"),
        (lambda x: x.half()[:, :, :6], "too coarse|does not fit"),
    ],
    ids=["another shape", "half precision", "both"],
)
def test_images_that_change_during_a_run_are_caught(change, message):
    with pytest.raises(ValueError, match=message):
        minimise(problem(), Growing(change), solver="adam", steps=20, progress=False)


class Sudden(Energy):
    """Gives something else from its fourth evaluation on."""

    def __init__(self, change) -> None:
        self.change, self.calls = change, 0

    def value(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        values = x.flatten(1).square().sum(1)
        return values if self.calls < 4 else self.change(values)


@pytest.mark.parametrize("change", [lambda v: v.sum(), lambda v: v[:, None], lambda v: v.tolist()])
def test_a_value_that_changes_its_shape_during_a_run_is_caught(change):
    with pytest.raises(ValueError, match="Sudden.value must give one number per image"):
        minimise(Sudden(change), Y, solver="adam", steps=9, progress=False)


@pytest.mark.parametrize("wrong", [torch.inf, -torch.inf, torch.nan])
def test_one_image_of_a_batch_that_is_not_finite_is_named(wrong):
    """All terms are looked at together; opposite infinities do not cancel."""

    def change(values):
        return torch.stack([values[0], values[1] * 0 + wrong])

    pair = Sudden(change) + Sudden(lambda v: -change(v))
    with pytest.raises(NonFiniteError, match="'sudden' is (-?inf|nan) for image 1"):
        minimise(pair, Pixels(Y), solver="adam", steps=9, progress=False)


def test_finite_terms_that_are_too_large_to_add_up_go_on():
    class Large(Energy):
        def value(self, x):
            return 2e38 + 0 * x.flatten(1).sum(1)

    trace = minimise(Large() + Large(), Y, solver="adam", steps=2, progress=False)
    assert torch.isinf(trace.energy).all() and torch.isfinite(trace.terms["large"]).all()
