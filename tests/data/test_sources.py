"""The list of sources, and the local folder itself where there is one."""

import os

import pytest
import torch

from deeprestore_lab import data
from deeprestore_lab.data.local import LOCAL

needs_local_data = pytest.mark.skipif(not os.environ.get("DEEPRESTORE_DATA"), reason="DEEPRESTORE_DATA is not set")


def test_embedded_sources_are_always_there(monkeypatch):
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    found = data.sources()
    assert [s.tier for s in found] == sorted((s.tier for s in found), key=["local", "network", "embedded"].index)
    assert all(s.available for s in found if s.tier == "embedded")
    assert not any(s.available for s in found if s.tier == "local")
    assert all(s.licence and s.note for s in found)


def test_a_local_source_counts_its_files(tmp_path, monkeypatch):
    (tmp_path / "images/Set5").mkdir(parents=True)
    (tmp_path / "images/Set5/a.png").write_bytes(b"12345")
    (tmp_path / "images/Set12").mkdir()
    monkeypatch.setenv("DEEPRESTORE_DATA", str(tmp_path))
    found = {s.name: s for s in data.sources() if s.tier == "local"}
    assert found["set5"].available and found["set5"].size == 5
    assert not found["set12"].available


@needs_local_data
def test_local_mnist_is_mnist():
    images, labels, source = data.mnist("train")
    assert images.shape == (60000, 1, 28, 28) and source == "MNIST (local folder)"
    assert images.mean().item() == pytest.approx(0.1307, abs=5e-5)  # the constants everyone normalises with
    assert images.std().item() == pytest.approx(0.3081, abs=5e-5)
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.mnist("test").images.shape == (10000, 1, 28, 28)


@needs_local_data
@pytest.mark.parametrize("name, count", [("set5", 5), ("set14", 14), ("set12", 12), ("bsd68", 68)])
def test_local_test_sets_are_whole(name, count):
    pictures = data.test_set(name, complete=True)
    assert len(pictures) == count
    channels = 3 if name in ("set5", "set14") else 1
    assert all(x.shape[:2] == (1, channels) and x.dtype == torch.float32 for x in pictures.values())
    if name == "bsd68":
        assert {tuple(sorted(x.shape[2:])) for x in pictures.values()} == {(321, 481)}


@needs_local_data
def test_local_training_photographs():
    photographs = data.bsds_training(limit=4)
    assert {tuple(sorted(x.shape[2:])) for x in photographs.values()} == {(160, 240)}


@needs_local_data
def test_local_cifar10_is_natural_pictures_in_ten_classes():
    x, labels, _ = data.cifar10()
    assert x.shape == (4000, 3, 32, 32)
    mean = torch.tensor([0.4914, 0.4822, 0.4465])  # the constants everyone normalises with, of all 50,000
    torch.testing.assert_close(x.mean((0, 2, 3)), mean, atol=0.01, rtol=0)
    neighbours = (x[..., 1:] - x[..., :-1]).square().mean() / (2 * x.var())
    assert neighbours < 0.1  # cut elsewhere, pictures would have seams
    assert labels.bincount().tolist() == pytest.approx([400] * 10, abs=60)
    assert labels[:5].tolist() == [6, 9, 9, 4, 1]  # CIFAR-10's own first: a frog, two lorries, a deer, a car


@needs_local_data
@pytest.mark.parametrize("name", sorted(LOCAL))
def test_every_local_file_has_its_sum(name):
    assert data.fetch(name).is_dir()
