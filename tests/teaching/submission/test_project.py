"""The project exercise: what students get runs at once, and its solution goes all the way to an archive that passes."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archives import IDS, NAME, README
from deeprestore_lab import data
from deeprestore_lab.teaching.submission import build, check
from deeprestore_lab.teaching.submission.pdf import page_count

EXERCISES = Path(__file__).parents[3] / "exercises"
STARTER, SOLUTION = (EXERCISES / folder / "project_latent_prior" for folder in (".", "solutions"))
BLANK = 9.5  # dB of giving back nothing at all: MNIST's published mean 0.1307 and deviation 0.3081
OPEN = {"autoencoder.py": 3, "codes.py": 2, "uniform.py": 1, "posterior.py": 3}


def functions(path: Path) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def is_open(function: ast.FunctionDef) -> bool:
    return "raise NotImplementedError" in ast.unparse(function.body[-1])


@pytest.fixture
def folder(tmp_path):
    """A student's copy of the starter."""
    return lay(STARTER, tmp_path / "project")


def lay(source: Path, over: Path) -> Path:
    over.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.suffix in (".py", ".md", ".typ"):
            (over / path.name).write_bytes(path.read_bytes())
    return over


def python(folder: Path, script: str) -> subprocess.CompletedProcess:
    """Run a script as a student would who has not all of MNIST."""
    settings = {"DEEPRESTORE_DATA": "", "DEEPRESTORE_DOWNLOAD": "0", "DEEPRESTORE_CACHE": str(folder / ".cache")}
    environment = os.environ | settings | {"MPLCONFIGDIR": str(folder / ".matplotlib")}
    return subprocess.run(
        [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, timeout=900
    )


def test_the_parts_that_are_open_are_those_of_the_task():
    task = (STARTER / "TASK.md").read_text()
    for path in STARTER.glob("*.py"):
        assert f"`{path.name}`" in task, path.name
        count = sum(is_open(each) for name, each in functions(path).items() if path.name != "main.py")
        assert count == OPEN.get(path.name, 0), path.name
        assert (f"| `{path.name}` | **open**" in task) == (path.name in OPEN)


def test_the_points_add_up():
    task = (STARTER / "TASK.md").read_text()
    steps = [int(number) for number in re.findall(r"\((\d+) points\)\.\*\*", task)]
    questions = [int(number) for number in re.findall(r"\((\d)\)$", task, re.MULTILINE)]
    assert len(steps) == 5 and sum(steps) == 80
    assert len(questions) == 8 and sum(questions) == 20 and "## Questions (20 points" in task


def test_the_solution_fills_the_same_functions():
    """It has the names and arguments that students are given, and leaves nothing open."""
    for name in OPEN:
        given, solved = functions(STARTER / name), functions(SOLUTION / name)
        assert set(given) <= set(solved), name
        for each, function in given.items():
            arguments = [a.arg for a in function.args.args + function.args.kwonlyargs]
            theirs = [a.arg for a in solved[each].args.args + solved[each].args.kwonlyargs]
            assert theirs[: len(arguments)] == arguments, each
        assert not any(map(is_open, solved.values()))
    assert {path.name for path in SOLUTION.iterdir() if path.is_file()} <= {path.name for path in STARTER.iterdir()}
    assert "#todo[" not in (SOLUTION / "report.typ").read_text()


def test_without_noise_the_solution_leaves_known_pixels_as_they_are(folder, monkeypatch):
    """The likelihood is a wall then: known pixels are y's to the last bit, the others are what was searched."""
    lay(SOLUTION, folder)
    before = set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    try:
        autoencoder, posterior = (importlib.import_module(name) for name in ("autoencoder", "posterior"))
        monkeypatch.setattr(posterior, "STEPS", 5)
        x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
        mask = (torch.arange(28) < 14).float()[None, None, :, None]
        given = {"mask": mask, "sigma": 0.0, "model": autoencoder.AutoEncoder(latent=8, seed=0)}
        starts = torch.rand(2, 3, 8, generator=torch.Generator().manual_seed(1))
        for found in (
            posterior.restore_image(mask * x, **given),
            posterior.restore_latent(mask * x, starts=starts, **given).detach(),
        ):
            assert torch.equal(mask * found, mask * x)
            assert ((1 - mask) * found).abs().amax((1, 2, 3)).min() > 0 and found.isfinite().all()
    finally:
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == folder:
                del sys.modules[name]


@pytest.mark.slow
def test_the_starter_runs_from_the_first_minute(folder):
    pytest.importorskip("typst")
    answer = python(folder, "main.py")
    assert answer.returncode == 0, answer.stderr
    assert re.findall(r"step (\d) is open", answer.stdout) == list("12345")
    answer = python(folder, "check.py")
    said = answer.stdout.splitlines()
    assert answer.returncode == 1 and "open: step 1: naive_loss" in said
    assert sum(line.startswith("report.typ, line ") for line in said) == 13
    (folder / "README.md").write_bytes(README)
    assert check(build(IDS, folder=folder).path) == []  # the report is set, with its stand-ins


@pytest.mark.slow
def test_the_solution_goes_up_to_the_archive(folder):
    pytest.importorskip("typst")
    lay(SOLUTION, folder)
    answer = python(folder, "main.py")
    assert answer.returncode == 0, answer.stderr
    assert "open" not in answer.stdout and "not made yet" not in answer.stdout
    answer = python(folder, "check.py")
    assert (answer.returncode, answer.stdout) == (0, "all that the report needs is there\n")
    results = json.loads((folder / "results.json").read_text())
    naive, mended = results["measures"]["naive"], results["measures"]["mended"]
    assert mended["holes"] < naive["holes"] and mended["coverage"] > 0.8 * naive["coverage"]  # after few steps
    x = data.embedded_mnist("train")[0] / 255
    variance = float(x.var(0).mean())  # about the mean image: what a model has that gives it back for all digits
    assert naive["reconstruction"] < 0.4 * variance and mended["reconstruction"] < 0.4 * variance
    for task in results["restoration"].values():
        assert all(sum(values) / len(values) > BLANK + 3 for ways in task.values() for values in ways.values())
    built = build(IDS, folder=folder)
    assert built.path.name == NAME and check(built.path) == []
    assert {"naive-subset.safetensors", "mended-subset.safetensors", "pictures/denoising.png"} <= set(built.names)
    assert 5 <= page_count((folder / "ex3.pdf").read_bytes()) <= 10
