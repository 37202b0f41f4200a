"""The command line: what it prints, and its exit status."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deeprestore_lab import __main__ as command_line
from deeprestore_lab import __version__, data
from deeprestore_lab.course.doctor import Finding


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        return CliRunner().invoke(command_line.app, arguments)

    return call


def test_doctor_is_content(run, monkeypatch):
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    answer = run("doctor")
    assert answer.exit_code == 0
    assert __version__ in answer.stdout and "threads" in answer.stdout
    assert "Everything that is needed works." in answer.stdout


def test_doctor_fails_with_what_is_broken(run, monkeypatch):
    findings = [Finding("python", "ok", "3.11"), Finding("torch", "broken", "no [such] operator")]
    monkeypatch.setattr(command_line, "examine", lambda: findings)
    answer = run("doctor")
    assert answer.exit_code == 1
    assert "broken: torch: no [such] operator" in answer.stderr
    assert "[such]" in answer.stdout and "Everything" not in answer.stdout


def test_what_is_missing_is_no_failure(run, monkeypatch):
    monkeypatch.setattr(command_line, "examine", lambda: [Finding("npm", "missing", "not found")])
    assert run("doctor").exit_code == 0


def test_list_shows_every_source(run, monkeypatch):
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    answer = run("data", "list")
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    for source in data.sources():
        assert any(source.name in line and source.tier in line for line in lines), source


def test_the_list_is_printed_on_a_terminal_that_lacks_its_letters(monkeypatch):
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    monkeypatch.setattr(data, "sources", lambda: [data.Source("retina", "embedded", True, 0, "CC0, Häggström", "")])
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    command_line.app(["data", "list", "--licences"], standalone_mode=False)
    sys.stdout.flush()
    assert rb"CC0, H\xe4ggstr\xf6m" in raw.getvalue()


@pytest.mark.parametrize("arguments", [("data", "list"), ("data", "list", "--licences")])
def test_the_list_fits_eighty_columns_and_nothing_is_cut(run, monkeypatch, arguments):
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    answer = run(*arguments)
    lines = answer.stdout.splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) <= 2 * len(data.sources()) + 4
    words = answer.stdout.split()
    for source in data.sources():
        shown = source.licence if "--licences" in arguments else source.note
        assert set(shown.split()) <= set(words), source


@pytest.mark.parametrize("arguments", [("data", "list"), ("data", "fetch", "set5")])
def test_a_wrong_data_folder_is_said_and_fails(run, monkeypatch, tmp_path, arguments):
    monkeypatch.setenv("DEEPRESTORE_DATA", str(tmp_path / "nowhere"))
    answer = run(*arguments)
    assert answer.exit_code == 1 and "nowhere" in answer.stderr


def test_fetch_says_where_it_is(run, monkeypatch, tmp_path):
    monkeypatch.setattr(data, "fetch", lambda name: tmp_path / name)
    answer = run("data", "fetch", "mnist")
    assert answer.exit_code == 0 and str(tmp_path / "mnist") in answer.stdout


@pytest.mark.parametrize("name", ["no_such_set", "digits"])
def test_fetch_refuses_what_it_cannot_fetch(run, name):
    answer = run("data", "fetch", name)
    assert answer.exit_code == 1 and name in answer.stderr


def test_without_arguments_help_is_shown(run):
    assert "doctor" in run("--help").stdout
    assert "fetch" in run("data", "--help").stdout


def test_the_module_runs_by_itself(tmp_path):
    command = [sys.executable, "-m", "deeprestore_lab", "data", "--help"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0 and "fetch" in answer.stdout
    assert list(Path(tmp_path).iterdir()) == []
