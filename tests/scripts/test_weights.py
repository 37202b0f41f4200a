"""The shipped weights: each has the script that makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deeprestore_lab import artifacts

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "weights"
WEIGHTS = artifacts.available()["weights"]


@pytest.mark.parametrize("name", WEIGHTS)
def test_all_weights_have_their_script_and_say_how_to_run_it(name):
    assert (SCRIPTS / f"{name}.py").is_file()
    assert artifacts.card(name, kind="weights").command.endswith(f"make weights NAME={name}")


def test_every_script_has_its_weights():
    assert {path.stem for path in SCRIPTS.glob("*.py") if not path.stem.startswith("_")} == set(WEIGHTS)
