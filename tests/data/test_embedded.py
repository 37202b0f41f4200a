"""The embedded subset of MNIST: it is what its rule says, and it is MNIST's, bit for bit, where MNIST is at hand."""

import gzip
import importlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from deeprestore_lab import data
from deeprestore_lab.core import artifacts
from deeprestore_lab.data import embedded

COUNTS = {"train": 600, "test": 200}


@pytest.fixture
def script():
    return importlib.import_module("scripts.records.mnist")


@pytest.mark.parametrize("split", COUNTS)
def test_every_kind_comes_equally_often_at_every_tenth(split):
    images, labels = data.embedded_mnist(split)
    assert images.shape == (10 * COUNTS[split], 1, 28, 28) and images.dtype == torch.uint8
    assert torch.equal(labels, torch.arange(10).repeat(COUNTS[split])) and labels.dtype == torch.int64
    assert images.flatten(1).unique(dim=0).shape[0] == len(images)  # none comes twice


def test_no_test_digit_is_a_training_digit():
    train, test = (set(map(bytes, data.embedded_mnist(split)[0].numpy())) for split in COUNTS)
    assert not train & test


def test_their_statistics_are_those_of_mnist():
    """The published mean 0.1307 and deviation 0.3081, to a few standard errors of 6,000 digits of equal kinds."""
    images = data.embedded_mnist("train")[0].double() / 255
    assert images.mean().item() == pytest.approx(0.1307, abs=0.002)
    assert images.std().item() == pytest.approx(0.3081, abs=0.002)


def test_the_shipped_classifier_knows_them():
    """A page cut at the wrong places, or labels that belong to other digits, would be named right one time in ten."""
    from deeprestore_lab.networks import digit_classifier

    images, labels = data.embedded_mnist("test")
    right = digit_classifier()(images[:500].float() / 255).argmax(1) == labels[:500]
    assert right.float().mean() > 0.95


def test_what_is_given_may_be_changed():
    data.embedded_mnist("test")[0].zero_()
    assert data.embedded_mnist("test")[0].max() == 255


def test_they_fit_and_name_their_licence_and_its_source(monkeypatch):
    tiers = importlib.import_module("deeprestore_lab.data.sources")
    monkeypatch.setattr(tiers, "fetched", lambda name: False)  # the network tier would import torchvision
    card = artifacts.card("mnist")
    size = sum((artifacts.SHIPPED / "records" / file).stat().st_size for file in card.sha256)
    assert size <= 1_600_000
    (source,) = [s for s in data.sources() if s.name == "mnist" and s.tier == "embedded"]
    assert source.size == size and "BY-SA" in source.licence
    assert all(word in card.licence for word in ("LeCun", "Cortes", "Burges", "CC BY-SA 3.0", "keras.io"))


def test_damaged_digits_are_refused(monkeypatch):
    def damaged(name, ending):
        raise artifacts.ArtifactError("records/mnist.test.png is not the file its card describes")

    monkeypatch.setattr(embedded, "load_picture", damaged)
    embedded._page.cache_clear()
    with pytest.raises(data.DataError, match="cannot be read: records/mnist.test.png is not the file"):
        data.embedded_mnist("test")


def test_other_splits_are_named():
    with pytest.raises(ValueError, match="split must be one of 'train', 'test'"):
        data.embedded_mnist("validation")


def test_the_rule_spreads_over_the_file(script):
    """Of any first so many of a kind, every tenth of the file holds its share but for one or two."""
    labels = torch.arange(10).repeat(900)
    chosen = script.places(labels, count=200)
    assert torch.equal(labels[chosen], torch.arange(10).repeat(200)) and chosen.unique().numel() == 2000
    for count in (20, 50, 200):
        counts = torch.histc(chosen[: 10 * count].float(), bins=10, min=0, max=9000)
        assert (counts - count).abs().max() <= 20  # two of each of the ten kinds
    with pytest.raises(ValueError, match="too few"):
        script.places(torch.arange(10).repeat(100), count=200)


def test_a_page_is_read_as_it_was_written(script, tmp_path, monkeypatch):
    levels = torch.randint(0, 256, (200, 1, 28, 28), generator=torch.Generator().manual_seed(0))
    card = dict(command="c", data="d", licence="l", seeds=[0], metric="m")
    content = {"labels": {"test": "0123456789" * 20}}
    pages = {"test.png": script.page(levels.float() / 255)}
    artifacts.save_record("mnist", content, pictures=pages, folder=tmp_path, **card)
    monkeypatch.setattr(artifacts, "SHIPPED", tmp_path)
    embedded._page.cache_clear()
    images, labels = data.embedded_mnist("test")
    embedded._page.cache_clear()
    assert torch.equal(images.long(), levels) and torch.equal(labels, torch.arange(10).repeat(20))


@pytest.mark.skipif(not os.environ.get("DEEPRESTORE_DATA"), reason="DEEPRESTORE_DATA is not set")
@pytest.mark.parametrize(("split", "start", "used"), [("train", "train", 50_000), ("test", "t10k", 10_000)])
def test_they_are_mnists_bit_for_bit(script, split, start, used):
    """Read with NumPy alone from MNIST's own files, at the places of the rule."""
    folder = Path(os.environ["DEEPRESTORE_DATA"]) / "MNIST/raw"
    raw = [
        gzip.decompress((folder / f"{start}-{kind}-ubyte.gz").read_bytes()) for kind in ("images-idx3", "labels-idx1")
    ]
    pixels = np.frombuffer(raw[0], np.uint8, offset=16).reshape(-1, 28, 28)
    kinds = np.frombuffer(raw[1], np.uint8, offset=8)
    chosen = script.places(torch.from_numpy(kinds[:used].copy()).long(), count=COUNTS[split]).numpy()
    images, labels = data.embedded_mnist(split)
    assert np.array_equal(images[:, 0].numpy(), pixels[chosen]) and np.array_equal(labels.numpy(), kinds[chosen])
