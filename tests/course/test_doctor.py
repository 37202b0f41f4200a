"""The doctor sees what is broken, tells it from what is merely missing, and is stopped by neither."""

from __future__ import annotations

import importlib.metadata
import sys

import pytest
import torch

from deeprestore_lab import data, images
from deeprestore_lab.core import artifacts
from deeprestore_lab.course import doctor


def by_topic(findings):
    return {finding.topic: finding for finding in findings}


@pytest.fixture(autouse=True)
def _no_local_data(monkeypatch, tmp_path):
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    monkeypatch.setenv("DEEPRESTORE_CACHE", str(tmp_path / "cache"))


def test_nothing_is_broken_here_and_versions_are_the_installed_ones(monkeypatch):
    for module in ("torchvision", "torchvision.models", "torchvision.datasets"):
        monkeypatch.setitem(sys.modules, module, None)  # importing it would take longer than all of the report
    findings = doctor.examine()
    assert not [finding for finding in findings if finding.state == "broken"]
    found = by_topic(findings)
    for package in ("numpy", "torchvision", "safetensors", "scikit-image"):
        assert found[package].text == importlib.metadata.version(package)
    assert found["threads"].text.startswith(str(torch.get_num_threads()))
    assert found["embedded data"].state == "ok" and found["local data"].state == "missing"


@pytest.mark.parametrize(
    ("needs", "versions", "state", "text"),
    [
        ("torch==2.15.0", {"torch": "2.15.0+cpu", "torchvision": "0.29.2+cpu"}, "ok", "belong together"),
        ("torch (>=2.9.0)", {"torch": "2.15.0", "torchvision": "0.29.2"}, "ok", "belong together"),
        (
            "torch==2.14.0",
            {"torch": "2.15.0", "torchvision": "0.29.2"},
            "broken",
            "needs torch==2.14.0, here is 2.15.0",
        ),
        ("torch (>=2.16.0)", {"torch": "2.15.0", "torchvision": "0.29.2"}, "broken", "here is 2.15.0"),
        ("torch==2.15.0", {"torch": "2.15.0+cu130", "torchvision": "0.29.2+cpu"}, "broken", "different machines"),
    ],
)
def test_a_pair_that_does_not_fit_is_broken(monkeypatch, needs, versions, state, text):
    monkeypatch.setattr(importlib.metadata, "version", versions.__getitem__)
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["numpy", needs, "torch-other; extra == 'x'"])
    (finding,) = doctor._pair()
    assert finding.state == state and text in finding.text


def test_a_torchvision_that_is_not_there_is_reported_and_the_rest_still_examined(monkeypatch):
    def version(name, known=importlib.metadata.version):
        if name == "torchvision":
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = by_topic(doctor.examine())
    assert found["torch and torchvision"].state == found["torchvision"].state == "broken"
    assert found["embedded photographs"].state == "ok"


def test_an_old_python_is_broken(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    assert by_topic(doctor.examine())["python"].state == "broken"


def test_a_missing_package_is_broken(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["no-such-package>=1", "other; extra == 'x'"])
    found = by_topic(doctor.examine())
    assert found["no-such-package"].state == "broken" and "other" not in found


def test_a_project_that_is_not_installed_is_broken(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", missing)
    assert "make book" in by_topic(doctor.examine())["installation"].text


def test_a_damaged_artifact_is_broken(monkeypatch, tmp_path):
    card = dict(command="c", data="d", licence="l", seeds=[0], metric="m")
    path = artifacts.save_record("numbers", {"a": [1]}, folder=tmp_path, **card)
    monkeypatch.setattr(artifacts, "SHIPPED", tmp_path)
    assert "numbers" in by_topic(doctor.examine())["shipped artifacts"].text
    path.write_text("{}")
    finding = by_topic(doctor._guarded("shipped artifacts", doctor._artifacts))["shipped artifacts"]
    assert finding.state == "broken" and "numbers" in finding.text


def test_a_damaged_picture_of_a_record_is_broken(monkeypatch, tmp_path):
    card = dict(command="c", data="d", licence="l", seeds=[0], metric="m")
    artifacts.save_record("numbers", {"a": [1]}, pictures={"grid.png": b"whole"}, folder=tmp_path, **card)
    monkeypatch.setattr(artifacts, "SHIPPED", tmp_path)
    assert doctor._artifacts()[0].state == "ok"
    (tmp_path / "records" / "numbers.grid.png").write_bytes(b"half")
    (finding,) = doctor._guarded("shipped artifacts", doctor._artifacts)
    assert finding.state == "broken" and "numbers.grid.png" in finding.text


def test_digits_that_cannot_be_read_are_broken(monkeypatch):
    (finding,) = doctor._digits()
    assert finding == ("embedded digits", "ok", "6000 to learn from and 2000 to test with can be read")

    def fails(split):
        raise data.DataError(f"{split} is damaged")

    monkeypatch.setattr(data, "embedded_mnist", fails)
    (finding,) = doctor._guarded("embedded digits", doctor._digits)
    assert finding.state == "broken" and "train is damaged" in finding.text


def test_a_damaged_photograph_is_broken(monkeypatch):
    def fails(name, *, size):
        raise ValueError(f"{name} is damaged")

    monkeypatch.setattr(images, "photograph", fails)
    assert "astronaut is damaged" in by_topic(doctor.examine())["embedded photographs"].text


def test_a_wrong_data_folder_is_broken_not_passed_over(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPRESTORE_DATA", str(tmp_path / "nowhere"))
    finding = by_topic(doctor.examine())["data tiers"]
    assert finding.state == "broken" and "nowhere" in finding.text


def test_what_is_in_the_local_folder_is_listed(monkeypatch, tmp_path):
    (tmp_path / "images" / "Set5").mkdir(parents=True)
    images.save(torch.rand(1, 3, 8, 8), tmp_path / "images" / "Set5" / "one.png")
    monkeypatch.setenv("DEEPRESTORE_DATA", str(tmp_path))
    finding = by_topic(doctor.examine())["local data"]
    assert finding.state == "ok" and finding.text.startswith("set5 (not here: mnist")


def test_missing_tools_are_no_fault(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name, path=None: None)
    found = by_topic(doctor.examine())
    assert {found[tool].state for tool in ("jupyter-book", "npm", "browser")} == {"missing"}


def test_the_first_chromium_that_is_found_is_taken(monkeypatch):
    monkeypatch.setattr(
        doctor.shutil, "which", lambda name: {"google-chrome": "/b", "chromium-browser": "/a"}.get(name)
    )
    assert doctor.find_chromium() == "/a"


def test_every_tier_of_the_data_is_reported():
    tiers = {source.tier for source in data.sources()}
    assert {f"{tier} data" for tier in tiers} <= set(by_topic(doctor.examine()))
