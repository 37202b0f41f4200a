"""The command of `make records` and `make weights`, on makers made by hand."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from scripts.making import makers

MAKER = "from pathlib import Path\ndef main():\n    Path(__file__).with_suffix('.made').write_text('')\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of makers, for this test alone: its name and its folder."""
    folder = tmp_path / "makers_by_hand"
    folder.mkdir()
    for name in ("__init__", "one", "two", "_shared"):
        (folder / f"{name}.py").write_text(MAKER if name != "__init__" else "")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder.name, folder
    for name in [name for name in sys.modules if name.split(".")[0] == folder.name]:
        del sys.modules[name]


def made(folder):
    return {path.stem for path in folder.glob("*.made")}


def test_all_are_made_in_turn(package):
    name, folder = package
    assert makers.run(name, [], kind="records") == 0
    assert made(folder) == {"one", "two"}


def test_one_is_made_by_name(package):
    name, folder = package
    assert makers.run(name, ["two"], kind="records") == 0
    assert made(folder) == {"two"}


def test_an_unknown_name_is_refused_before_anything_is_made(package, capsys):
    name, folder = package
    assert makers.run(name, ["one", "three"], kind="records") == 2
    assert "no records called three; there are: one, two" in capsys.readouterr().err
    assert made(folder) == set()


def test_a_maker_without_main_is_refused(package):
    name, folder = package
    (folder / "empty.py").write_text("")
    with pytest.raises(ValueError, match=r"empty has no function main\(\)"):
        makers.run(name, ["empty"], kind="records")


@pytest.mark.parametrize("kind", makers.KINDS)
def test_the_command_makes_the_kind_that_it_is_told(kind, monkeypatch):
    ran = []
    module = import_module(f"scripts.{kind}.denoisers")
    monkeypatch.setattr(module, "main", lambda: ran.append(kind))
    assert makers.main([kind, "denoisers"]) == 0
    assert ran == [kind]


def test_another_kind_is_refused(capsys):
    with pytest.raises(SystemExit):
        makers.main(["pictures"])
    assert "invalid choice: 'pictures'" in capsys.readouterr().err
