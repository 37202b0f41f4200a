"""The shipped artifacts: each says how to make it again, and a record the pictures it speaks of."""

from __future__ import annotations

import pytest

from deeprestore_lab import artifacts, images
from deeprestore_lab.generators import MENDED
from deeprestore_lab.generators.code_matching import Matching
from deeprestore_lab.networks import PRESETS

SHIPPED = [(kind, name) for kind, names in artifacts.available().items() for name in names]


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_every_artifact_says_how_to_make_it_again(kind, name):
    assert artifacts.card(name, kind=kind).command.endswith(f"make {kind} NAME={name}")


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


def test_the_mended_auto_encoder_is_trained_as_its_record_chose():
    record = artifacts.load_record("latent_matching")
    weight = record["weights"]["SW + neighbour"]
    assert MENDED == Matching(
        sliced_wasserstein=record["settings"]["sliced"], neighbour=weight, candidates=MENDED.candidates
    )
    assert str(MENDED.candidates) in record["candidates"] and weight in record["grids"]["SW + neighbour"]
