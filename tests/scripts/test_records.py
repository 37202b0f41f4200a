"""The shipped records: each has the script that makes it, and the pictures it speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from deeprestore_lab import artifacts, images
from deeprestore_lab.networks import PRESETS

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "records"
RECORDS = artifacts.available()["records"]


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_has_its_script_and_says_how_to_run_it(name):
    assert (SCRIPTS / f"{name}.py").is_file()
    assert artifacts.card(name, kind="records").command.endswith(f"make records NAME={name}")


def test_every_script_has_its_record():
    assert {path.stem for path in SCRIPTS.glob("*.py") if not path.stem.startswith("_")} == set(RECORDS)


@pytest.mark.parametrize("name", ["dip_presets", "dip_tasks"])
def test_strips_hold_one_picture_for_each_recorded_step(name):
    record = artifacts.load_record(name)
    strips = [file for file in artifacts.card(name, kind="records").sha256 if file.endswith(".webp")]
    average = 1 if name == "dip_tasks" else 0  # its strips end with the running average
    for file in strips:
        strip = images.load(artifacts.load_picture(name, file.removeprefix(f"{name}.")))
        assert strip.shape == (1, 3, record["size"], record["size"] * (len(record["shown"]) + average))
    wanted = record["tasks"] if name == "dip_tasks" else [key.replace("/", "-") for key in record["runs"]]
    assert {file.split(".")[1] for file in strips} == set(wanted)


def test_the_presets_recorded_are_those_of_the_library():
    assert artifacts.load_record("dip_presets")["presets"] == list(PRESETS)


def test_every_run_went_to_twice_its_peak():
    for key, run in artifacts.load_record("dip_runs")["runs"].items():
        assert run["steps"] >= 2 * run["peak"]["step"], key
