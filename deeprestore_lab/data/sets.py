"""Data sets as tensors: MNIST, whole or the subset that is embedded, benchmarks, pictures to learn from."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from deeprestore_lab.core.checks import check_choice, check_whole
from deeprestore_lab.data.downloads import MNIST_SUMS, fetch, fetched, mnist_cache
from deeprestore_lab.data.embedded import embedded_mnist
from deeprestore_lab.data.files import DataError, check_sum, downloads_allowed, read_idx
from deeprestore_lab.data.local import local_files, local_path
from deeprestore_lab.images.files import load

_PICTURES = (".png", ".jpg", ".bmp")
_GREY_SETS, _COLOUR_SETS = ("set12", "bsd68"), ("set5", "set14")
_LEFT_OUT = {"set12": "08", "set14": "lenna"}  # one picture many venues no longer accept


class Dataset(NamedTuple):
    """Images `(N, C, H, W)` in [0, 1], labels `(N,)`, and where they came from, in words."""

    images: torch.Tensor
    labels: torch.Tensor
    source: str


def mnist(split: str, *, limit: int | None = None, allow_download: bool | None = None) -> Dataset:
    """MNIST's handwritten digits, "train" or "test": all of them where they are at hand or may be fetched, else some.

    Images `(N, 1, 28, 28)` in [0, 1], float32, labels `(N,)`, int64: at most the first `limit`. The whole set has
    60,000 to train with and 10,000 to test with, in the files' order; the subset that ships with the package has 6,000
    and 2,000, in rounds of 0 to 9 (`data.embedded_mnist`). One printed line says which, and `source` keeps it.
    `allow_download` None asks `DEEPRESTORE_DOWNLOAD`. Raises `DataError` for damaged files and for a download that was
    allowed and failed. Used in chapters 12_latent_autoencoder and 13_generators.
    """
    check_choice(split, ("train", "test"), name="split")
    limit = None if limit is None else check_whole(limit, name="limit", least=1)
    start = "train" if split == "train" else "t10k"
    names = (f"{start}-images-idx3-ubyte.gz", f"{start}-labels-idx1-ubyte.gz")
    if local_path("mnist"):
        found = {file.name: file for file in local_files("mnist", (".gz",))}
        if missing := [name for name in names if name not in found]:
            raise DataError(f"MNIST in the local data folder is incomplete: {missing[0]} is missing")
        data = _from_idx(found[names[0]], found[names[1]], limit, "MNIST (local folder)")
    elif fetched("mnist") or downloads_allowed(allow_download):
        folder = fetch("mnist") if downloads_allowed(allow_download) else mnist_cache()
        files = [check_sum(folder / name, MNIST_SUMS[name]) for name in names]
        data = _from_idx(*files, limit, "MNIST (downloaded)")
    else:
        images, labels = (each[:limit] for each in embedded_mnist(split))
        data = Dataset(images.float() / 255, labels, "MNIST (the subset in this package)")
    print(f"data: {len(data.labels)} images, {split} split, from {data.source}")
    return data


def test_set(name: str, *, complete: bool = False) -> dict[str, torch.Tensor]:
    """A benchmark's pictures by file name: "set5" and "set14" `(1, 3, H, W)`, "set12" and "bsd68" `(1, 1, H, W)`.

    From the local folder only (they may not be shipped); without it a `DataError` says how to provide them. Set12
    and Set14 hold a picture that many venues no longer accept: it is left out unless `complete`; averages to be
    compared with published ones need it.

    Raises `ValueError` for another name.
    """
    check_choice(name, _COLOUR_SETS + _GREY_SETS, name="name")
    files = [file for file in local_files(name, _PICTURES) if complete or file.stem != _LEFT_OUT.get(name)]
    print(f"data: {len(files)} pictures of {name} (local folder)")
    return {file.stem: load(file, grey=name in _GREY_SETS) for file in files}


test_set.__test__ = False  # not a test, whatever its name


def bsds_training(*, limit: int | None = None, shrink: int = 2) -> dict[str, torch.Tensor]:
    """The 200 training photographs of BSDS500 by file name, `(1, 3, H, W)`: to learn from, disjoint from BSD68.

    They were stored as JPEG; averaging over `shrink` x `shrink` pixels takes its traces away (1 leaves them). The
    first `limit` by name. From the local folder only, otherwise a `DataError`. Non-commercial research and education.

    Raises `ValueError` for a limit below 1, and a shrink that is not 1 to 32.
    """
    shrink = check_whole(shrink, name="shrink", least=1, most=32)
    limit = None if limit is None else check_whole(limit, name="limit", least=1)
    files = local_files("bsds_training", _PICTURES)[:limit]
    print(f"data: {len(files)} training photographs of BSDS500 (local folder)")
    return {file.stem: avg_pool2d(load(file), shrink) for file in files}


def cifar10(*, limit: int | None = None) -> Dataset:
    """The first 4,000 training pictures of CIFAR-10 and their classes, 0 (aeroplane) to 9 (truck), without loss.

    Images `(N, 3, 32, 32)` in [0, 1], float32, labels `(N,)`, int64: at most the first `limit`. From the local folder
    only (they may not be shipped), otherwise a `DataError`, as for files that do not belong together: pages whose rows
    are the pictures' values, 32 x 32 pixels of 3 channels, and `labels.npy`.

    Raises `ValueError` for a limit below 1. Used in chapter 06_architectures.
    """
    limit = None if limit is None else check_whole(limit, name="limit", least=1)
    *pages, labels_file = sorted(local_files("cifar10", (".png", ".npy")), key=lambda file: file.suffix == ".npy")
    rows = torch.cat([load(page).flatten(2) for page in pages], 2) if pages else torch.empty(1, 3, 0)
    try:
        labels = torch.from_numpy(np.load(labels_file))
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise DataError(f"{labels_file.name} is no file of labels ({error}); get it again") from error
    if labels.ndim != 1 or rows.shape[2] != 32 * 32 * len(labels):
        raise DataError(
            f"the pages and {labels_file.name} of cifar10 do not belong together: {rows.shape[2]} pixels and labels of "
            f"{tuple(labels.shape)}, expected 1024 for each label (N,)"
        )
    x = rows.unflatten(2, (-1, 32, 32))[0].transpose(0, 1)[:limit].contiguous()
    print(f"data: {len(x)} pictures of cifar10 (local folder)")
    return Dataset(x, labels[:limit].long(), "CIFAR-10 (local folder)")


def _from_idx(images_file: Path, labels_file: Path, limit: int | None, source: str) -> Dataset:
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise DataError(
            f"{images_file.name} and {labels_file.name} do not belong together: arrays of {tuple(images.shape)} and "
            f"{tuple(labels.shape)}, expected (N, 28, 28) and (N,)"
        )
    return Dataset(images[:limit, None].float() / 255, labels[:limit].long(), source)
