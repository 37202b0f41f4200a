"""Data sets, on small folders made here: which tier serves, and what happens to damaged files."""

import gzip
import hashlib
import socket
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from deeprestore_lab import data, images
from deeprestore_lab.data import downloads as network

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def no_tiers(tmp_path, monkeypatch):
    """Neither local data, nor a cache, nor permission to download, nor a network."""
    for name in ("DEEPRESTORE_DATA", "DEEPRESTORE_DOWNLOAD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEEPRESTORE_CACHE", str(tmp_path / "cache"))

    def refused(*arguments, **options):
        raise OSError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.fixture
def local(tmp_path, monkeypatch):
    """A local folder with a small MNIST, three pictures of each kind, and their sums."""
    root = tmp_path / "data"
    levels = RNG.integers(0, 256, (6, 28, 28), dtype=np.uint8)
    for start in ("train", "t10k"):
        idx(root / f"MNIST/raw/{start}-images-idx3-ubyte.gz", levels)
        idx(root / f"MNIST/raw/{start}-labels-idx1-ubyte.gz", np.arange(6, dtype=np.uint8))
    for folder, names in (("Set14", ("baboon", "lenna", "zebra")), ("Set12", ("01", "08")), ("BSDS/train", ("1", "2"))):
        (root / "images" / folder).mkdir(parents=True)
        for name in names:
            Image.fromarray(RNG.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(root / f"images/{folder}/{name}.png")
    cifar = root / "cifar10/lossless"
    cifar.mkdir(parents=True)
    for name, rows in (("0", 3), ("1", 2)):
        Image.fromarray(RNG.integers(0, 256, (rows, 1024, 3), dtype=np.uint8)).save(cifar / f"batch_{name}.png")
    np.save(cifar / "labels.npy", np.array([6, 9, 9, 4, 1], np.uint8))
    files = [file for file in root.rglob("*") if file.is_file()]
    sums = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(root).as_posix()}" for file in files)
    (root / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    monkeypatch.setenv("DEEPRESTORE_DATA", str(root))
    return root


def idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))
    return path


def test_without_all_of_mnist_the_embedded_subset_serves_and_says_so(capsys):
    got = data.mnist("test", limit=50)
    assert capsys.readouterr().out == "data: 50 images, test split, from MNIST (the subset in this package)\n"
    assert got.source == "MNIST (the subset in this package)"
    levels, labels = data.embedded_mnist("test")
    assert torch.equal(got.labels, labels[:50]) and got.images.dtype == torch.float32
    torch.testing.assert_close(got.images * 255, levels[:50].float(), atol=1e-4, rtol=0)
    assert len(data.mnist("train", limit=10_000).images) == 6000  # a limit is no promise


def test_the_source_is_printed(capsys, local):
    data.mnist("train", limit=3)
    assert capsys.readouterr().out == "data: 3 images, train split, from MNIST (local folder)\n"
    data.test_set("set14")
    assert capsys.readouterr().out == "data: 2 pictures of set14 (local folder)\n"


def test_local_mnist_is_the_file(local):
    got = data.mnist("train")
    raw = gzip.decompress((local / "MNIST/raw/train-images-idx3-ubyte.gz").read_bytes())[16:]
    expected = np.frombuffer(raw, np.uint8).reshape(6, 1, 28, 28) / 255
    np.testing.assert_allclose(got.images, expected, atol=1e-7)
    assert got.images.dtype == torch.float32 and got.labels.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_damaged_local_file_is_not_passed_over(local):
    path = local / "MNIST/raw/train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(data.DataError, match="train-images-idx3-ubyte.gz is damaged or another file"):
        data.mnist("train")
    path.unlink()
    with pytest.raises(data.DataError, match="'mnist' is incomplete: train-images-idx3-ubyte.gz is listed"):
        data.mnist("train")
    (local / "SHA256SUMS").unlink()
    with pytest.raises(data.DataError, match="MNIST in the local data folder is incomplete"):
        data.mnist("train")


def test_files_that_do_not_belong_together(local):
    (local / "SHA256SUMS").unlink()
    idx(local / "MNIST/raw/t10k-labels-idx1-ubyte.gz", np.zeros(5, np.uint8))
    with pytest.raises(data.DataError, match="do not belong together"):
        data.mnist("test")


def test_downloads_are_tried_only_when_allowed(monkeypatch):
    assert "subset in this package" in data.mnist("test", allow_download=False).source
    with pytest.raises(data.DataError, match="'mnist' could not be downloaded .*the network was asked.*network\\?"):
        data.mnist("test", allow_download=True)
    monkeypatch.setenv("DEEPRESTORE_DOWNLOAD", "1")
    with pytest.raises(data.DataError, match="could not be downloaded"):
        data.mnist("test")


def test_a_filled_cache_needs_no_permission_and_is_checked(monkeypatch):
    cache = network.mnist_cache()
    for name in network.MNIST_SUMS:
        shape = (4, 28, 28) if "images" in name else (4,)
        idx(cache / name, RNG.integers(0, 10, shape, dtype=np.uint8))
    with pytest.raises(data.DataError, match="is damaged or another file"):
        data.mnist("test")
    sums = {name: hashlib.sha256((cache / name).read_bytes()).hexdigest() for name in network.MNIST_SUMS}
    monkeypatch.setattr(network, "MNIST_SUMS", sums)
    monkeypatch.setattr("deeprestore_lab.data.sets.MNIST_SUMS", sums)
    got = data.mnist("test")
    assert got.source == "MNIST (downloaded)" and got.images.shape == (4, 1, 28, 28)


def test_test_sets_come_by_name_and_leave_one_picture_out(local):
    pictures = data.test_set("set14")
    assert list(pictures) == ["baboon", "zebra"]
    assert all(x.shape == (1, 3, 9, 12) for x in pictures.values())
    torch.testing.assert_close(pictures["zebra"], images.load(local / "images/Set14/zebra.png"))
    assert list(data.test_set("set14", complete=True)) == ["baboon", "lenna", "zebra"]
    grey = data.test_set("set12")
    assert list(grey) == ["01"] and grey["01"].shape == (1, 1, 9, 12)


def test_training_photographs_are_averaged_down(local):
    photographs = data.bsds_training()
    whole = images.load(local / "images/BSDS/train/1.png")
    expected = whole[..., :8, :].reshape(1, 3, 4, 2, 6, 2).mean((3, 5))
    torch.testing.assert_close(photographs["1"], expected)
    assert list(data.bsds_training(limit=1, shrink=1)) == ["1"]
    assert data.bsds_training(shrink=1)["1"].shape == (1, 3, 9, 12)


def test_cifar10_is_cut_out_of_its_pages(capsys, local):
    got = data.cifar10()
    assert capsys.readouterr().out == "data: 5 pictures of cifar10 (local folder)\n"
    pages = [np.asarray(Image.open(local / f"cifar10/lossless/batch_{k}.png")) for k in (0, 1)]
    expected = np.concatenate(pages).reshape(5, 32, 32, 3).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(got.images, expected, atol=1e-7)
    assert got.images.dtype == torch.float32 and got.labels.dtype == torch.int64
    assert got.labels.tolist() == [6, 9, 9, 4, 1] and got.source == "CIFAR-10 (local folder)"
    few = data.cifar10(limit=2)
    assert torch.equal(few.images, got.images[:2]) and few.labels.tolist() == [6, 9]


def test_pages_and_labels_of_cifar10_that_do_not_fit_are_refused(local):
    (local / "SHA256SUMS").unlink()
    labels = local / "cifar10/lossless/labels.npy"
    np.save(labels, np.zeros(4, np.uint8))
    with pytest.raises(data.DataError, match="do not belong together: 5120 pixels and labels of \\(4,\\)"):
        data.cifar10()
    for wrong in (b"no array", np.save):
        labels.write_bytes(wrong) if isinstance(wrong, bytes) else wrong(labels, np.array(["cat"]))
        with pytest.raises(data.DataError, match="labels.npy is no file of labels"):
            data.cifar10()
    labels.unlink()
    with pytest.raises(data.DataError, match="no file of labels"):
        data.cifar10()


def test_without_the_local_folder_the_error_helps():
    for ask in (lambda: data.test_set("bsd68"), data.bsds_training, data.cifar10, lambda: data.fetch("set5")):
        with pytest.raises(data.DataError, match="name that folder in DEEPRESTORE_DATA \\(DEEPRESTORE_DATA is not set"):
            ask()


def test_a_folder_without_the_set_is_told_apart(local):
    with pytest.raises(data.DataError, match="the folder it names has no images/BSD68"):
        data.test_set("bsd68")
    (local / "images/BSD68").mkdir()
    with pytest.raises(data.DataError, match="holds no file of .png"):
        data.test_set("bsd68")


@pytest.mark.parametrize("limit", [0, -1, 2.5, True])
def test_bad_arguments_are_named(limit):
    for ask in (lambda **k: data.mnist("train", **k), data.bsds_training, data.cifar10):
        with pytest.raises(ValueError, match="limit must be"):
            ask(limit=limit)
    with pytest.raises(ValueError, match="split must be"):
        data.mnist("validation")
    with pytest.raises(ValueError, match="name must be one of 'set5'"):
        data.test_set("set6")
    with pytest.raises(ValueError, match="shrink must be"):
        data.bsds_training(shrink=0)


def test_fetch_returns_what_is_there_and_names_what_it_knows(local):
    assert data.fetch("set14") == local / "images/Set14"
    assert data.fetch("mnist") == local / "MNIST/raw"
    with pytest.raises(data.DataError, match="nothing to fetch for 'photographs'.*alexnet, bsd68"):
        data.fetch("photographs")
