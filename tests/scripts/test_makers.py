"""The dispatchers of `make records` and `make weights`, on scripts made by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def makers(load_script):
    return load_script("makers")


@pytest.fixture
def folder(tmp_path):
    for name in ("one", "two", "_shared"):
        (tmp_path / f"{name}.py").write_text(
            f"from pathlib import Path\ndef main():\n    Path(__file__).with_suffix('.made').write_text({name!r})\n"
        )
    return tmp_path


def made(folder):
    return {path.stem for path in folder.glob("*.made")}


def test_all_are_made_in_turn(makers, folder):
    assert makers.run(folder, [], kind="records") == 0
    assert made(folder) == {"one", "two"}


def test_one_is_made_by_name(makers, folder):
    assert makers.run(folder, ["two"], kind="records") == 0
    assert made(folder) == {"two"}


def test_an_unknown_name_is_refused_before_anything_is_made(makers, folder, capsys):
    assert makers.run(folder, ["one", "three"], kind="records") == 2
    assert "no records called three; there are: one, two" in capsys.readouterr().err
    assert made(folder) == set()


def test_a_script_without_main_is_refused(makers, tmp_path):
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(ValueError, match=r"empty.py has no function main\(\)"):
        makers.run(tmp_path, [], kind="records")


def test_the_scripts_of_the_project_are_found(makers):
    for path in makers.makers(ROOT / "scripts" / "records").values():
        assert callable(makers.load(path).main)


def test_no_weights_is_said():
    if any((ROOT / "scripts").glob("weights/*.py")):
        pytest.skip("there are weights to make")
    command = [sys.executable, ROOT / "scripts" / "make_weights.py"]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0 and "ships no weights" in answer.stdout
