"""The set-up script's decisions: which Python, what disk space, when to do nothing, which builds of torch."""

from __future__ import annotations

import ast
import collections
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.environment import setup as environment

SCRIPTS = Path(__file__).parents[2] / "scripts"
SOURCES = [SCRIPTS / "__init__.py", *sorted((SCRIPTS / "environment").glob("*.py"))]
Usage = collections.namedtuple("Usage", "total used free")


@pytest.fixture
def setup():
    return environment


@pytest.fixture
def project(setup, tmp_path, monkeypatch):
    """A small project folder which the script takes for its own; every command it runs is written down instead."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("numpy==2.0\ntorch==2.15.0\ntorchvision==0.29.2\n")
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.delenv("UV_TORCH_BACKEND", raising=False)
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda folder: Usage(0, 0, 100 * setup.GIGABYTE))
    ran = []

    def run(command, *, failure, env=None):
        ran.append(command)
        if "venv" in command:
            setup.venv_python(tmp_path / ".venv").parent.mkdir(parents=True)
            setup.venv_python(tmp_path / ".venv").symlink_to(sys.executable)

    monkeypatch.setattr(setup, "run", run)
    monkeypatch.setattr(setup, "get_uv", lambda venv: ["uv"])
    monkeypatch.setattr(setup, "holds_pinned_torch", lambda python: False)
    monkeypatch.setattr(setup, "cpu_backend_answers", lambda uv: False)
    monkeypatch.setattr(setup, "has_nvidia_gpu", lambda: False)
    return tmp_path, ran


def fake_python(folder: Path, name: str, answer: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_python_is_named(setup, tmp_path):
    old = fake_python(tmp_path, "old", "echo 3 9")
    with pytest.raises(setup.SetupError, match=r"Python 3.11 or newer is needed, found 3.9 \(.*old\)"):
        setup.find_python((old, str(tmp_path / "missing")))


def test_no_python_is_said(setup, tmp_path):
    broken = fake_python(tmp_path, "broken", "exit 127")
    with pytest.raises(setup.SetupError, match="found none"):
        setup.find_python((broken,))


def test_the_first_new_enough_python_is_taken(setup, tmp_path):
    old, new = fake_python(tmp_path, "old", "echo 3 10"), fake_python(tmp_path, "new", "echo 3 12")
    assert setup.find_python((old, new, sys.executable)) == new


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_an_old_python_can_read_the_set_up_and_it_needs_nothing_else(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    others = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    assert others <= {"scripts", "scripts.environment.setup"}


def test_the_command_of_the_makefile_starts_without_site_packages():
    """As on a bare machine: this Python, with neither its packages nor the user's."""
    command = [sys.executable, "-S", "-m", "scripts.environment", "--help"]
    answer = subprocess.run(command, cwd=SCRIPTS.parent, env={}, capture_output=True, text=True)
    assert answer.returncode == 0 and "extras of pyproject.toml" in answer.stdout, answer.stderr


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10"])
def test_a_real_old_python_says_what_it_needs(version, tmp_path):
    """With an old interpreter where this machine has one; the test above covers the others."""
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} here")
    (tmp_path / "scripts" / "environment").mkdir(parents=True)
    for path in SOURCES:
        shutil.copy(path, tmp_path / path.relative_to(SCRIPTS.parent))
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("")
    answer = subprocess.run(
        [found[0], "-m", "scripts.environment", "book"], cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert f"Python 3.11 or newer is needed, found {version}" in answer.stderr
    assert not (tmp_path / ".venv").exists()


def test_too_little_space_is_said_in_gigabytes(setup, tmp_path, monkeypatch):
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda folder: Usage(0, 0, int(2.5e9)))
    with pytest.raises(setup.SetupError, match=r"9 GB are needed in .*, 2\.5 GB are free"):
        setup.check_space(tmp_path, setup.SPACE_NEEDED["cuda"])
    setup.check_space(tmp_path, setup.SPACE_NEEDED["refresh"])


def test_without_space_nothing_is_installed_and_the_exit_status_is_1(setup, project, monkeypatch, capsys):
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda folder: Usage(0, 0, 5 * setup.GIGABYTE))
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup, "set_up", lambda extras: setup.install(project[0] / ".venv", extras))
    assert setup.main(["book"]) == 1
    assert "not enough disk space" in capsys.readouterr().err
    assert project[1] == []


def test_first_set_up_then_nothing_to_do(setup, project):
    root, ran = project
    setup.set_up(["book"], venv=root / ".venv")
    made, installed, checked = ran
    assert "venv" in made and ".[book]" in installed and "torchvision.ops.nms" in checked[-1]
    assert installed[-2:] == ["--constraint", "constraints.txt"]
    ran.clear()
    setup.set_up(["book"], venv=root / ".venv")
    setup.set_up([], venv=root / ".venv")
    assert ran == []


def test_extras_add_up(setup, project):
    root, ran = project
    setup.set_up(["book"], venv=root / ".venv")
    setup.set_up(["tests"], venv=root / ".venv")
    assert any(".[book,tests]" in command for command in ran)
    ran.clear()
    setup.set_up(["book", "tests"], venv=root / ".venv")
    assert ran == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_dependencies_are_installed_with_the_same_extras(setup, project, name):
    root, ran = project
    setup.set_up(["book"], venv=root / ".venv")
    ran.clear()
    with (root / name).open("a") as file:
        file.write("# changed\n")
    setup.set_up([], venv=root / ".venv")
    assert any(".[book]" in command for command in ran)
    assert not any("venv" in command for command in ran)


def test_an_interrupted_set_up_leaves_no_stamp(setup, project, monkeypatch):
    root, ran = project
    setup.set_up(["book"], venv=root / ".venv")

    def interrupted(venv, extras):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(setup, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            setup.set_up(["tests"], venv=root / ".venv")
    assert not (root / ".venv" / setup.STAMP).exists()
    ran.clear()
    setup.set_up(["book"], venv=root / ".venv")
    assert len(ran) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"extras": 3}'])
def test_a_damaged_stamp_counts_as_none(setup, tmp_path, content):
    (tmp_path / setup.STAMP).write_text(content)
    assert setup.read_stamp(tmp_path) == {"fingerprint": "", "extras": []}


def test_a_moved_project_is_set_up_anew(setup, tmp_path):
    sums = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for file in ("pyproject.toml", "constraints.txt"):
            (tmp_path / name / file).write_text("same")
        sums.add(setup.fingerprint(tmp_path / name))
    assert len(sums) == 2


def backend(ran):
    (command,) = [command for command in ran if "install" in command]
    return command[command.index("--torch-backend") + 1] if "--torch-backend" in command else None


@pytest.mark.parametrize(
    ("platform", "gpu", "answers", "expected"),
    [
        ("linux", False, True, "cpu"),
        ("linux", False, False, None),
        ("linux", True, True, None),
        ("darwin", False, True, None),
        ("win32", False, True, None),
    ],
)
def test_cpu_builds_are_asked_for_only_where_they_fit(setup, project, monkeypatch, platform, gpu, answers, expected):
    monkeypatch.setattr(setup.sys, "platform", platform)
    monkeypatch.setattr(setup, "has_nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(setup, "cpu_backend_answers", lambda uv: answers)
    setup.install(project[0] / ".venv", ["book"])
    assert backend(project[1]) == expected


@pytest.mark.parametrize(("kept", "asked"), [("", False), ("1", True)])
def test_packages_are_compiled_at_once_where_python_keeps_no_bytecode(setup, project, monkeypatch, kept, asked):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", kept)
    setup.install(project[0] / ".venv", [])
    (command,) = [command for command in project[1] if "install" in command]
    assert ("--compile-bytecode" in command) == asked


def test_cpu_builds_need_less_space(setup, project, monkeypatch):
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda folder: Usage(0, 0, 5 * setup.GIGABYTE))
    monkeypatch.setattr(setup, "cpu_backend_answers", lambda uv: True)
    setup.install(project[0] / ".venv", [])
    assert backend(project[1]) == "cpu"


def test_the_reader_may_choose_the_builds(setup, project, monkeypatch):
    monkeypatch.setenv("UV_TORCH_BACKEND", "cu130")
    monkeypatch.setattr(setup, "cpu_backend_answers", lambda uv: True)
    setup.install(project[0] / ".venv", [])
    assert backend(project[1]) is None


def test_default_builds_are_taken_where_the_cpu_ones_fail(setup, project, monkeypatch):
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup, "cpu_backend_answers", lambda uv: True)
    ran = []

    def run(command, *, failure, env=None):
        ran.append(command)
        if "--torch-backend" in command:
            raise setup.SetupError(failure)

    monkeypatch.setattr(setup, "run", run)
    setup.install(project[0] / ".venv", [])
    assert ["--torch-backend" in command for command in ran] == [True, False]


def test_pip_is_used_where_uv_cannot_be_had(setup, project, monkeypatch):
    monkeypatch.setattr(setup, "get_uv", lambda venv: None)
    setup.install(project[0] / ".venv", ["book"])
    (command,) = project[1]
    assert command[1:4] == ["-m", "pip", "install"] and ".[book]" in command and "constraints.txt" in command


def test_the_pin_of_torch_is_found(setup, project):
    assert setup.torch_pin(project[0]) == "torch==2.15.0"


def test_quiet_tells_success_from_failure_and_from_a_missing_command(setup):
    assert setup.quiet([sys.executable, "-c", "pass"])
    assert not setup.quiet([sys.executable, "-c", "raise SystemExit(3)"])
    assert not setup.quiet([os.devnull + "/missing"])
    assert not setup.quiet([sys.executable, "-c", "import time; time.sleep(60)"], seconds=1)


def test_a_failing_command_stops_with_its_message(setup):
    with pytest.raises(setup.SetupError, match="what to do"):
        setup.run([sys.executable, "-c", "raise SystemExit(3)"], failure="what to do")


def test_the_import_check_passes_here_and_sees_a_broken_pair(setup, tmp_path, capsys):
    exec(setup.IMPORT_CHECK, {})  # in this process, which has torch already
    assert "work together" in capsys.readouterr().out
    (tmp_path / "torch.py").write_text("")
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    env = dict(os.environ, PYTHONPATH=str(tmp_path))
    assert not setup.quiet([sys.executable, "-c", setup.IMPORT_CHECK], env=env)
