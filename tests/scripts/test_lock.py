"""What may stand in constraints.txt."""

from __future__ import annotations

from importlib import import_module

import pytest


@pytest.fixture(scope="module")
def lock():
    return import_module("scripts.environment.lock")


def test_pins_pass(lock):
    pins = "numpy==2.4.6 ; python_full_version < '3.12'\ntorch==2.15.0\n"
    assert lock.checked(pins) == pins


@pytest.mark.parametrize("line", ["numpy>=2", "--index-url=x==1", "numpy @ file.whl", "a==1 # https" + "://x"])
def test_other_lines_are_named(lock, line):
    with pytest.raises(ValueError, match="not a plain pin"):
        lock.checked(f"torch==2.15.0\n{line}\n")


def test_a_failed_resolution_leaves_the_file(lock, tmp_path, monkeypatch, capfd):
    (tmp_path / "constraints.txt").write_text("as it was\n")
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    monkeypatch.setattr(lock, "compile_command", lambda: [lock.sys.executable, "-c", "raise SystemExit(1)"])
    assert lock.main() == 1
    assert (tmp_path / "constraints.txt").read_text() == "as it was\n"
    assert "left as it is" in capfd.readouterr().err


def test_the_pins_are_written_below_their_header(lock, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    monkeypatch.setattr(lock, "compile_command", lambda: [lock.sys.executable, "-c", "print('torch==2.15.0')"])
    assert lock.main() == 0
    first, *_, last = (tmp_path / "constraints.txt").read_text().splitlines()
    assert first.startswith("# ") and last == "torch==2.15.0"
