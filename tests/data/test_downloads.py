"""Downloads, served by a stand-in for the network: kept once, checked, and never half."""

import hashlib
import sys

import pytest
import torch

from deeprestore_lab.data import DataError, fetch, sources
from deeprestore_lab.data import downloads as network


@pytest.fixture(autouse=True)
def empty_tiers(tmp_path, monkeypatch):
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    monkeypatch.setenv("DEEPRESTORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


@pytest.fixture
def mirrors(monkeypatch):
    """A network that serves each file's own name as its content; the first mirror is down."""
    asked = []

    def download_url(url, root, *, filename, md5):
        asked.append(url)
        if url.startswith("down:"):
            raise OSError("no answer")
        root.mkdir(parents=True, exist_ok=True)
        (root / filename).write_bytes(filename.encode())

    monkeypatch.setattr("torchvision.datasets.utils.download_url", download_url)
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", ["down:/", "up:/"])
    return asked


def test_mnist_comes_from_the_next_mirror(mirrors, monkeypatch):
    monkeypatch.setattr(network, "MNIST_SUMS", {n: hashlib.sha256(n.encode()).hexdigest() for n in network.MNIST_SUMS})
    assert not network.fetched("mnist")
    folder = fetch("mnist")
    assert sorted(file.name for file in folder.iterdir()) == sorted(network.MNIST_SUMS)
    assert network.fetched("mnist") and len(mirrors) == 8
    assert {s.name: s.available for s in sources() if s.tier == "network"}["mnist"]


@pytest.mark.parametrize("name", [name for name in network.NETWORK if name != "mnist"])
def test_what_was_fetched_is_said_without_importing_torchvision(monkeypatch, tmp_path, name):
    stem = network._address(name).rsplit("/", 1)[1]
    for module in ("torchvision", "torchvision.models"):
        monkeypatch.setitem(sys.modules, module, None)  # an import of it fails now
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "resnet18-f37072fd.pth").touch()
    assert not network.fetched(name)
    (folder / stem).touch()
    assert network.fetched(name)
    assert {s.name: s.available for s in sources() if s.tier == "network"}[name]


def test_a_file_of_another_sum_is_refused(mirrors):
    with pytest.raises(DataError, match="is damaged or another file"):
        fetch("mnist")


def test_when_no_mirror_answers(mirrors, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", ["down:/1/", "down:/2/"])
    with pytest.raises(DataError, match="'mnist' could not be downloaded \\(no answer\\)"):
        fetch("mnist")
    assert len(mirrors) == 2


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "squeezenet"])
def test_weights_lie_where_torchvision_looks(name, monkeypatch, tmp_path):
    asked = []

    def serve(url, target, *, hash_prefix):
        asked.append((url, hash_prefix))
        with open(target, "wb") as file:
            file.write(b"weights")

    monkeypatch.setattr(torch.hub, "download_url_to_file", serve)
    with pytest.raises(DataError, match="its sum does not start with"):
        fetch(name)
    (url, prefix), path = asked[0], network._checkpoint(name)
    assert path.parent == tmp_path / "hub" / "checkpoints" and path.name == url.rsplit("/", 1)[1]
    assert len(prefix) == 8 and prefix in path.name
    monkeypatch.setattr(network, "sha256", lambda path: prefix + 56 * "0")
    assert fetch(name) == path and len(asked) == 1  # it is there: nothing is asked for again
