"""A run that was killed and taken up again gives the same bits as one that was not."""

import os
import signal

import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood
from deeprestore_lab.operators import Blur, Identity, Mask
from deeprestore_lab.parametrisations import Dictionary, Pixels
from deeprestore_lab.priors import Tikhonov, TotalVariation
from deeprestore_lab.solve import saved_run as module
from deeprestore_lab.training import cosine


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
    with pytest.raises(ValueError, match="energy at the start differs"):
        minimise(other, Y, solver="lbfgs", checkpoint=path)
    with pytest.raises(ValueError, match="energy at the start differs"):
        minimise(GAUSSIAN + Tikhonov("gradient"), Y, solver="lbfgs", checkpoint=path)
    with pytest.raises(ValueError, match="the start .* differs"):
        minimise(GAUSSIAN, Y + 0.1, solver="lbfgs", checkpoint=path)


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


@pytest.mark.parametrize(("first", "then"), [(None, Y), (Y, None)])
def test_a_run_cannot_gain_or_lose_its_reference(first, then, tmp_path):
    energy, path = GAUSSIAN + Tikhonov(), tmp_path / "run"
    minimise(energy, Y, solver="adam", steps=3, checkpoint=path, reference=first)
    with pytest.raises(ValueError, match="one of the two has a reference"):
        minimise(energy, Y, solver="adam", steps=6, checkpoint=path, reference=then)
    again = minimise(energy, Y, solver="adam", steps=6, checkpoint=path, reference=first)
    assert len(again.energy) == 7 and (first is None or len(again.psnr) == 7)
