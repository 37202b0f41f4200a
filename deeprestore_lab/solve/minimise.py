"""argmin over theta of E(A g(theta), y) + sum_i lambda_i R_i(g(theta)) + S(theta): one call for every solver."""

from numbers import Real
from pathlib import Path

import torch

from deeprestore_lab.core.checks import (
    check_choice,
    check_lr,
    check_seed,
    check_units,
    check_weight,
    check_whole,
    describe,
)
from deeprestore_lab.energies import Energy
from deeprestore_lab.operators import RandomView
from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.pixels import Pixels
from deeprestore_lab.solve.bookkeeping import Recorder
from deeprestore_lab.solve.choice import SOLVERS, checked, choose
from deeprestore_lab.solve.loop import Callback, run
from deeprestore_lab.solve.perturbation import perturbation
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.solver import Solver
from deeprestore_lab.solve.trace import Trace

PRECISIONS = ("full", "bf16-mixed")


def minimise(
    energy: Energy,
    parametrisation: Parametrisation | torch.Tensor,
    *,
    solver: str | type[Solver] = "auto",
    steps: int | None = None,
    tolerance: float | None = None,
    lr: float | None = None,
    reference: torch.Tensor | None = None,
    snapshots: bool = True,
    callback: Callback | None = None,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
    seed: int | None = None,
    jitter: int = 0,
    views: RandomView | None = None,
    input_noise: float = 0.0,
    average: float = 0.0,
    precision: str = "full",
    capture: bool = False,
) -> Trace:
    r"""Find theta* = argmin energy(g(theta)) + S(theta) for each image of the batch, and say how it went.

    `parametrisation` starts the search and ends holding the solution; a tensor `(N, C, H, W)` stands for
    `Pixels(tensor)`. Tensors passed in are never modified. An image alone gives the same result as in a batch:
    step sizes, line searches and stopping are per image.

    solver: "closed_form" (all terms quadratic), "proximal" (at most one term with kinks), "admm" (several),
        "lbfgs" (smooth terms), "adam" (anything, by subgradients), "pnp_admm", "pnp_hqs" or "pnp_proximal" (a denoiser
        without a value, plug-and-play), or "auto": the first of these that suits. Or a class of one's own, a subclass
        of `solve.Solver`.
    steps, tolerance: an image stops at `tolerance`, a relative measure that each solver defines, or after `steps`.
    lr: Adam's step size in the units of theta, or a function of the step. The other solvers find theirs.
    reference: the truth, for PSNR in the trace; it plays no part in the search.
    snapshots: keep the images at steps 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, ... and the last.
    callback: called as callback(step, x) from step 0 on; a return value of True stops the run.
    progress: a bar after two seconds (None), at once (True) or never (False).
    checkpoint: a file from which the run continues if it exists, bit for bit, and to which its state is saved. It
        belongs to these settings, this start and reference, and to what the energy and the parametrisation hold under
        public names. Functions cannot be compared: they count by name, and by the energy near the start.
    seed: of the random numbers of `jitter`, `views` and `input_noise`, drawn on the device of theta: the same seed
        gives the same ones on the same kind of device. None takes a seed from torch's global generator.
    jitter: rolls x by up to this many pixels before the energy sees it, anew at every step (Adam only).
    views: a law of operators (`operators.RandomView`): the energy sees x through one of them, drawn anew at every step
        for the whole batch, after the jitter, so what falls is the mean of the energy over the law (Adam only).
    input_noise: standard deviation of noise on a parametrisation's fixed input, anew at every step (Adam only).
    average: b of the running average a_0 = x_0, a_t = b a_{t-1} + (1 - b) x_t in the trace; 0 keeps none.
    precision: "full" computes in the precision of theta; with "bf16-mixed" the layers of a parametrisation that is a
        network compute in bfloat16 (torch's autocast), and all else, theta and the energy too, as before (Adam only).
    capture: True records an evaluation on a CUDA GPU and plays it again at every step, for problems whose many small
        kernels wait for Python. An energy whose Python code draws numbers or keeps a state must not be recorded: it
        would do so once.

    A term whose weight is 0 for every image plays no part, in the choice of the solver neither; its share is 0.
    With `jitter`, `views` or `input_noise` the trace's terms are those of the perturbed evaluations. With `input_noise`
    its images are too, x among them (a second pass at every step would cost a third more); the parametrisation's
    `forward()` then gives the image of the input without noise.

    Raises `ValueError` where a solver cannot take the problem (saying why, and which can), where arguments do not
    fit, where a gradient is needed of a term that does not depend on theta as autograd sees it, or where a checkpoint
    belongs to another problem; `NonFiniteError`, a `ValueError` with the `trace` so far,
    where a term stops being finite. Taught in chapter 10_map.
    """
    if isinstance(parametrisation, torch.Tensor):
        parametrisation = Pixels(parametrisation)
    if not isinstance(parametrisation, Parametrisation):
        raise ValueError(f"parametrisation must be a Parametrisation or a tensor, got {describe(parametrisation)}")
    if not (isinstance(solver, type) and issubclass(solver, Solver)):
        check_choice(solver, ("auto", *SOLVERS), name="solver")
    seed = None if seed is None else check_seed(seed)
    perturbed = perturbation(parametrisation, jitter=jitter, views=views, input_noise=input_noise, seed=seed)
    low = check_choice(precision, PRECISIONS, name="precision") == "bf16-mixed"
    problem = Problem(energy, parametrisation, perturbed=perturbed, low_precision=low, capture=capture)
    stepper_class = choose(problem) if solver == "auto" else checked(solver, problem)
    name = stepper_class.name
    if low and name != "adam":
        raise ValueError(f"precision='bf16-mixed' is for Adam; {name!r} needs gradients that are exact to more digits")
    steps = check_whole(stepper_class.default_steps if steps is None else steps, name="steps", least=0)
    tolerance = stepper_class.default_tolerance if tolerance is None else tolerance
    tolerance = check_weight(tolerance, name="tolerance", single=True)
    options = {} if lr is None else {"lr": _check_lr(lr, stepper_class)}
    reference = _check_reference(reference, problem)
    average = _check_average(average)
    saved = _checkpoint(
        checkpoint, problem, stepper_class, tolerance=tolerance, lr=lr, seed=seed, average=average, reference=reference
    )
    return run(
        stepper_class(problem, tolerance=tolerance, **options),
        Recorder(problem, name, reference=reference, snapshots=snapshots, average=average),
        steps=steps,
        tolerance=tolerance,
        callback=callback,
        progress=progress,
        checkpoint=saved,
    )


def _check_average(average: float) -> float:
    if isinstance(average, bool) or not isinstance(average, Real) or not 0 <= average < 1:
        raise ValueError(f"average must be a number of at least 0 and below 1, got {describe(average)}")
    return float(average)


def _check_lr(lr: float, solver: type[Solver]) -> float:
    if not solver.takes_lr:
        raise ValueError(f"lr is Adam's step size; {solver.name!r} finds its own")
    return check_lr(lr)


def _check_reference(reference: torch.Tensor | None, problem: Problem) -> torch.Tensor | None:
    """The reference in the precision and on the device of the images."""
    if reference is None:
        return None
    x = problem.x()
    check_units(reference, name="reference")
    if reference.shape[1:] != x.shape[1:] or reference.shape[0] not in (1, x.shape[0]):
        raise ValueError(f"reference has shape {tuple(reference.shape)} but the images have shape {tuple(x.shape)}")
    return reference.to(x)


def _checkpoint(path: str | Path | None, problem: Problem, solver: type[Solver], **settings: object):
    if path is None:
        return None
    from deeprestore_lab.solve.checkpoint import Checkpoint

    return Checkpoint(path, problem, solver, **settings)
