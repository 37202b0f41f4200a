"""A run that was killed and taken up again gives the same bits as one that was not."""

import os
import signal
from functools import partial

import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood
from deeprestore_lab.operators import Blur, Identity, Mask
from deeprestore_lab.parametrisations import Dictionary, Pixels
from deeprestore_lab.priors import DenoiserScore, FieldOfExperts, Prior, Tikhonov, TotalVariation
from deeprestore_lab.solve import saved_run as module
from deeprestore_lab.solve.admm import ADMM
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.training import cosine, stairs


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


Y, WEIGHTS = images(2, 1, 8, 8), torch.tensor([0.5, 5.0])
BLUR = Blur(torch.ones(3, 3) / 9)
GAUSSIAN = GaussianLikelihood(BLUR, Y, sigma=0.1)
RUNS = {
    "adam": (lambda: GAUSSIAN + WEIGHTS * TotalVariation(), lambda: Pixels(Y, bounds=(0, 1)), {"lr": 0.02}),
    "adam jitter": (lambda: GAUSSIAN + TotalVariation(), lambda: Y, {"jitter": 2, "seed": 3, "lr": cosine(0.1, 40)}),
    "lbfgs": (lambda: GAUSSIAN + WEIGHTS * TotalVariation(smoothing=0.01), lambda: Y, {}),
    "lbfgs bounds": (
        lambda: GAUSSIAN + WEIGHTS * TotalVariation(smoothing=0.01),
        lambda: Pixels(Y, bounds=(0.2, 0.8)),
        {},
    ),
    "proximal": (lambda: GAUSSIAN + WEIGHTS * TotalVariation(), lambda: Y, {}),
    "proximal dictionary": (lambda: GAUSSIAN, lambda: Dictionary(Y, weight=0.3), {}),
    "admm": (lambda: LaplaceLikelihood(Identity(), Y, scale=0.1) + WEIGHTS * TotalVariation(), lambda: Y, {}),
    "closed_form": (
        lambda: GaussianLikelihood(Mask((Y[:1] > 0.3).float()) @ BLUR, Y, sigma=0.1) + WEIGHTS * Tikhonov("identity"),
        lambda: Y,
        {},
    ),
}


class KilledError(Exception):
    """Stands for a process that dies."""


def run(name: str, path=None, *, killed_at: int | None = None, steps: int = 24, **more):
    energy, g, options = RUNS[name]

    def callback(step: int, x: torch.Tensor) -> None:
        if step == killed_at:
            raise KilledError

    start = g()
    return minimise(
        energy(),
        start.clone() if isinstance(start, torch.Tensor) else start,
        solver=name.split()[0],
        steps=steps,
        reference=Y,
        checkpoint=path,
        callback=callback,
        progress=False,
        **{"tolerance": 0.0, **options, **more},
    )


def assert_same(a, b) -> None:
    assert torch.equal(a.x, b.x) and torch.equal(a.energy, b.energy) and torch.equal(a.psnr, b.psnr)
    assert torch.equal(a.steps, b.steps) and a.stopped_by == b.stopped_by
    assert list(a.snapshots) == list(b.snapshots) and list(a.terms) == list(b.terms)
    assert all(torch.equal(a.snapshots[step], b.snapshots[step]) for step in a.snapshots)
    assert len(a.seconds) == len(b.seconds) and (b.seconds.diff() >= 0).all()


@pytest.mark.parametrize("name", RUNS)
def test_resumed_equals_uninterrupted_bit_for_bit(name, tmp_path):
    whole = run(name)
    kill = min(9, len(whole.energy) - 1)
    with pytest.raises(KilledError):
        run(name, tmp_path / "run", killed_at=kill)
    assert_same(whole, run(name, tmp_path / "run"))
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "temporary files were left behind"


def test_a_finished_run_can_be_taken_further(tmp_path):
    run("adam", tmp_path / "run", steps=7)
    assert_same(run("adam"), run("adam", tmp_path / "run"))
    again = run("adam", tmp_path / "run")
    assert_same(run("adam"), again)


def test_images_that_converged_stay_as_they_are(tmp_path):
    whole = run("lbfgs", tolerance=1e-3, steps=200)
    first = int(whole.steps.min())
    assert first < int(whole.steps.max())
    run("lbfgs", tmp_path / "run", tolerance=1e-3, steps=first + 1)
    assert_same(whole, run("lbfgs", tmp_path / "run", tolerance=1e-3, steps=200))


def test_saves_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.0)
    seen = []
    minimise(GAUSSIAN, Y, solver="lbfgs", steps=3, checkpoint=tmp_path / "run", tolerance=0.0,
             callback=lambda step, x: seen.append((tmp_path / "run").exists()))  # fmt: skip
    assert seen == [False, False, True, True]


def test_an_interrupt_waits_for_the_step_and_loses_nothing(tmp_path):
    whole = run("lbfgs")

    def interrupt(step: int, x: torch.Tensor) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        energy, g, _ = RUNS["lbfgs"]
        minimise(energy(), g(), solver="lbfgs", steps=24, tolerance=0.0, reference=Y, checkpoint=tmp_path / "run",
                 callback=interrupt)  # fmt: skip
    assert signal.getsignal(signal.SIGINT) is usual
    assert_same(whole, run("lbfgs", tmp_path / "run"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "lbfgs"}, "solver differs"),
        ({"lr": 0.05}, "lr differs"),
        ({"tolerance": 1e-3}, "tolerance differs"),
        ({"seed": 4}, "seed differs"),
    ],
)
def test_other_settings_are_refused(change, message, tmp_path):
    run("adam", tmp_path / "run", steps=2)
    with pytest.raises(ValueError, match=message):
        run(change.pop("name", "adam"), tmp_path / "run", **change)


def test_another_problem_is_refused(tmp_path):
    path = tmp_path / "run"
    minimise(GAUSSIAN, Y, solver="lbfgs", steps=2, checkpoint=path)
    other = GaussianLikelihood(BLUR, Y + 0.1, sigma=0.1)
    with pytest.raises(ValueError, match="y of gaussian likelihood differs"):
        minimise(other, Y, solver="lbfgs", checkpoint=path)
    with pytest.raises(ValueError, match="the weight of tikhonov gradient differs .there None, here '1.0'"):
        minimise(GAUSSIAN + Tikhonov("gradient"), Y, solver="lbfgs", checkpoint=path)
    with pytest.raises(ValueError, match="the start .* differs"):
        minimise(GAUSSIAN, Y + 0.1, solver="lbfgs", checkpoint=path)


FLAT = torch.full((1, 1, 8, 8), 0.5)  # a start where total variation is 0
HOLES = Mask((Y[:1] > 0.3).float())


def flat(weight: float = 0.1, sigma: float = 0.1, y: torch.Tensor = Y[:1], operator=HOLES):
    return GaussianLikelihood(operator, y, sigma=sigma) + weight * TotalVariation()


def denoised(weight: float = 1.0, sigma: float = 0.1, strength: float = 0.5):
    shrink = partial(torch.mul, other=strength)
    return GaussianLikelihood(HOLES, Y[:1], sigma=0.1) + weight * DenoiserScore(shrink, sigma=sigma)


class Code(Prior):
    """lambda v: ... as a reader writes it: only its values tell two of them apart."""

    def __init__(self, law) -> None:
        self.law = law

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return self.law(x).flatten(1).sum(1)


@pytest.mark.parametrize(
    ("first", "other", "message"),
    [
        (lambda: (flat(), FLAT), lambda: (flat(weight=50.0), FLAT), "weight of total variation"),
        (lambda: (flat(1e-9), FLAT), lambda: (flat(1e-7), FLAT), "weight of total variation"),
        (lambda: (flat(operator=Identity()), Y[:1]), lambda: (flat(sigma=0.9, operator=Identity()), Y[:1]), "sigma"),
        (lambda: (flat(), FLAT), lambda: (flat(y=Y[:1].flip(-1)), FLAT), "y of gaussian likelihood"),
        (lambda: (flat(), FLAT), lambda: (flat(operator=HOLES @ BLUR), FLAT), "operator of gaussian likelihood"),
        (lambda: (flat(), FLAT), lambda: (flat(), Pixels(FLAT, bounds=(0, 1))), "bounds"),
        (
            lambda: (GAUSSIAN, Dictionary(0 * Y, weight=1.0)),
            lambda: (GAUSSIAN, Dictionary(0 * Y, weight=50.0)),
            "weight of the parametrisation",
        ),
        (lambda: (denoised(), FLAT), lambda: (denoised(weight=100.0), FLAT), "weight of denoiser"),
        (lambda: (denoised(), FLAT), lambda: (denoised(sigma=0.9), FLAT), "sigma of denoiser"),
        (
            lambda: (GAUSSIAN + Code(lambda x: (x - FLAT) ** 2), FLAT.expand_as(Y)),
            lambda: (GAUSSIAN + Code(lambda x: (x - FLAT) ** 4), FLAT.expand_as(Y)),
            "the energy near the start",
        ),
    ],
)
def test_what_the_start_does_not_show_is_compared_too(first, other, message, tmp_path):
    options = {"steps": 3, "tolerance": 0.0, "progress": False}
    energy, start = first()
    minimise(energy, start, checkpoint=tmp_path / "run", **options)
    with pytest.raises(ValueError, match=f"another problem: .*{message}.* differs"):
        minimise(*other(), checkpoint=tmp_path / "run", **options)
    energy, start = first()  # the same problem, made anew, goes on
    resumed = minimise(energy, start, checkpoint=tmp_path / "run", **options | {"steps": 6})
    whole = minimise(*first(), **options | {"steps": 6})
    assert torch.equal(resumed.x, whole.x) and torch.equal(resumed.steps, whole.steps)


def test_a_step_size_that_is_a_function_is_compared_at_the_steps_taken(tmp_path):
    options = {"solver": "adam", "tolerance": 0.0, "progress": False}
    minimise(GAUSSIAN, Y, steps=9, lr=stairs(0.05, 24), checkpoint=tmp_path / "run", **options)
    with pytest.raises(ValueError, match="lr at step 8 differs"):
        minimise(GAUSSIAN, Y, steps=9, lr=stairs(0.05, 27), checkpoint=tmp_path / "run", **options)


def test_an_energy_used_between_two_runs_is_the_same(tmp_path):
    """Operators and networks keep what they computed for a size and a precision."""
    field = FieldOfExperts.trained()
    energy = GAUSSIAN + 0.1 * field
    whole = minimise(energy, Y, solver="lbfgs", steps=6, tolerance=0.0, progress=False)
    minimise(energy, Y, solver="lbfgs", steps=3, tolerance=0.0, checkpoint=tmp_path / "run", progress=False)
    field(images(1, 1, 10, 12).double())
    BLUR.normal_eigenvalues(images(1, 1, 10, 12), "fft")
    resumed = minimise(energy, Y, solver="lbfgs", steps=6, tolerance=0.0, checkpoint=tmp_path / "run", progress=False)
    assert torch.equal(whole.x, resumed.x)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x10\0\0\0\0\0\0\0{broken json....", None])
def test_a_file_that_is_no_checkpoint_is_refused_and_kept(content, tmp_path):
    path = tmp_path / "run"
    if content is None:
        from safetensors.torch import save_file

        save_file({"x": torch.zeros(2)}, path)
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not a checkpoint that can be read"):
        minimise(GAUSSIAN, Y, solver="lbfgs", checkpoint=path)
    assert path.read_bytes() == before


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run"
    run("adam", path, steps=2)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a checkpoint that can be read"):
        run("adam", path)


def test_bad_places_and_missing_seeds_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing" / "run"):
        with pytest.raises(ValueError, match="a file in a folder that exists"):
            minimise(GAUSSIAN, Y, checkpoint=path)
    with pytest.raises(ValueError, match="needs a seed"):
        minimise(GAUSSIAN, Y, solver="adam", jitter=1, checkpoint=tmp_path / "run")


@pytest.mark.parametrize(("first", "then"), [(None, Y), (Y, None), (Y, Y + 0.1)])
def test_a_run_keeps_its_reference(first, then, tmp_path):
    energy, path = GAUSSIAN + Tikhonov(), tmp_path / "run"
    minimise(energy, Y, solver="adam", steps=3, checkpoint=path, reference=first)
    with pytest.raises(ValueError, match="the reference differs"):
        minimise(energy, Y, solver="adam", steps=6, checkpoint=path, reference=then)
    again = minimise(energy, Y, solver="adam", steps=6, checkpoint=path, reference=first)
    assert len(again.energy) == 7 and (first is None or len(again.psnr) == 7)


def test_admm_restored_falls_back_on_the_start_of_the_run():
    problem = Problem(GAUSSIAN, Pixels(Y))
    stepper = ADMM(problem, tolerance=0.0)
    problem.parametrisation.load_state_dict({"theta": Y + 0.1})
    assert torch.equal(stepper.finite.start, Y)


def test_admm_restored_searches_a_finite_energy_where_it_was(tmp_path):
    """Counts behind a blur: the energy of the iterate is infinite at many steps."""
    counts = PoissonLikelihood(BLUR, (Y > 0.8).float(), peak=20.0) + 0.3 * TotalVariation()
    options = {"solver": "admm", "tolerance": 0.0, "progress": False}
    whole = minimise(counts, Y, steps=30, **options)
    minimise(counts, Y, steps=12, checkpoint=tmp_path / "run", **options)
    resumed = minimise(counts, Y, steps=30, checkpoint=tmp_path / "run", **options)
    assert torch.equal(whole.x, resumed.x) and torch.equal(whole.energy, resumed.energy)
