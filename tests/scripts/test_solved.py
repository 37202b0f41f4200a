"""The outputs of solved exercises: run once for each text of a source, and found again by the page."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path

import extensions
import pytest

import small_exercises

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def places(tmp_path):
    (tmp_path / "deeprestore_lab").mkdir()
    small_exercises.write_source(tmp_path / "exercises", small_exercises.cells(last="print(area)"))
    return import_module("scripts.book.places").Places(tmp_path)


@pytest.fixture
def extension():
    return extensions.extension("solved")


def run_here(module, ran):
    """In place of a process: the same arguments, here."""

    def run(command, *, env, cwd):
        ran.append(command[4:])
        module.main(command[3:])
        return type("Done", (), {"returncode": 0})

    return run


def test_each_source_runs_once_and_its_outputs_are_found(places, extension, monkeypatch, capsys):
    module, ran = import_module("scripts.book.solved"), []
    monkeypatch.setattr(module.subprocess, "run", run_here(module, ran))
    target = module.solve_exercises(places, environment=dict(os.environ))
    assert module.solve_exercises(places, environment=dict(os.environ)) == target and len(ran) == 1
    source = next(places.root.glob("exercises/source/*/*.ipynb"))
    last = json.loads(source.read_text())["cells"][-1]["id"]
    path, shown = extension.outputs(target, "small", last)
    assert path == module.place_of(target, source) and shown == [{"text": "12.566370614359172"}]
    assert extension.outputs(target, "small", "another cell") == (path, [])
    assert extension.outputs(target, "another", last) == (None, [])


def test_a_source_that_fails_ends_the_build(places, monkeypatch):
    module = import_module("scripts.book.solved")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: type("Done", (), {"returncode": 1}))
    with pytest.raises(SystemExit, match="an exercise does not run with its solutions"):
        module.solve_exercises(places, environment={})


def test_a_book_without_exercises_needs_nothing(tmp_path):
    (tmp_path / "deeprestore_lab").mkdir()
    places = import_module("scripts.book.places").Places(tmp_path)
    assert not import_module("scripts.book.solved").solve_exercises(places, environment={}).exists()
