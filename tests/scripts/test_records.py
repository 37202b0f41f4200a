"""The shipped artifacts: each has its maker and says how to run it; a record has its maker's settings."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from deeprestore_lab import images
from deeprestore_lab.core import artifacts
from deeprestore_lab.generators import MENDED
from deeprestore_lab.generators.code_matching import Matching
from deeprestore_lab.networks import PRESETS
from scripts.making import makers
from scripts.making.resumable import rounded

SHIPPED = [(kind, name) for kind, names in artifacts.available().items() for name in names]

WITHOUT_SETTINGS = {"calibration", "latent_restoration", "mnist", "speed", "super_resolution"}
KEYS_OF_RESULTS = {("preimage_steps", "layers"), ("preimages", "layers")}  # the key holds what was measured of each
COUNTED_IN_TEXT = {("vgg_mini", "classes")}


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_every_artifact_says_how_to_make_it_again(kind, name):
    assert artifacts.card(name, kind=kind).command.endswith(f"make {kind} NAME={name}")


@pytest.mark.parametrize("kind", makers.KINDS)
def test_every_artifact_has_a_maker_with_main_and_every_maker_its_artifact(kind):
    names = makers.makers(f"scripts.{kind}")
    assert names == sorted(artifacts.available()[kind])
    for name in names:
        assert callable(makers.load(f"scripts.{kind}", name).main)


@pytest.mark.parametrize("name", artifacts.available()["records"])
def test_a_record_was_made_with_the_settings_its_maker_has_now(name):
    """Whoever changes a setting makes the record again: else a chapter speaks of what nobody measured."""
    module = makers.load("scripts.records", name)
    if (settings := getattr(module, "SETTINGS", None)) is None:
        assert name in WITHOUT_SETTINGS
        return
    record = artifacts.load_record(name)
    stands = record.get("settings", record)
    for key, value in rounded(json.loads(json.dumps(settings))).items():
        if (name, key) in KEYS_OF_RESULTS:
            value = sorted(value)
            assert sorted(stands[key]) == value, key
        elif (name, key) not in COUNTED_IN_TEXT:
            assert stands[key] == value, key


def test_the_grid_of_generators_has_every_point_of_its_maker_once():
    """A GLO's point gives two cells, since the GLANN stands on it."""
    grid = import_module("scripts.records.generator_grid")
    wanted = [tuple(point[key] for key in ("kind", "size", "images", "seed")) for point in grid.POINTS]
    wanted += [("GLANN", *rest) for kind, *rest in wanted if kind == "GLO"]
    cells = artifacts.load_record("generator_grid")["cells"]
    assert sorted((c["kind"], c["size"], c["images"], c["seed"]) for c in cells) == sorted(wanted)
    widths = {(c["kind"], c["size"]): c["widths"] for c in cells}
    for size, own in import_module("scripts.making.digits.cells").WIDTHS.items():
        assert widths["VAE", size] == list(own)


def test_exact_draws_of_the_solvable_world_are_independent_from_field_to_field():
    """The mean of 39 is off by 1 / sqrt(39) deviations; with one noise for all fields it is what that noise gives."""
    rows = artifacts.load_record("sampling_world")["intervals"]
    assert [row["exact"]["mean_off"] for row in rows] == pytest.approx([39**-0.5] * 5, abs=0.015)


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


def test_the_mended_auto_encoder_is_trained_as_its_record_chose():
    record = artifacts.load_record("latent_matching")
    weight = record["weights"]["SW + neighbour"]
    assert MENDED == Matching(
        sliced_wasserstein=record["settings"]["sliced"], neighbour=weight, candidates=MENDED.candidates
    )
    assert str(MENDED.candidates) in record["candidates"] and weight in record["grids"]["SW + neighbour"]
