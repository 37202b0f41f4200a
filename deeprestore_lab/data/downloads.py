"""The network tier: what torchvision can download, kept in a cache and checked by its sum."""

import urllib.error
from pathlib import Path

import torch

from deeprestore_lab.data.files import DataError, cache_folder, check_sum, sha256
from deeprestore_lab.data.local import ANY_FILE, LOCAL, local_files, local_path

MNIST_SUMS = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
# name -> (bytes, licence, note)
NETWORK = {
    "mnist": (11594722, "commonly given as CC BY-SA 3.0", "torchvision's mirrors of MNIST"),
    "alexnet": (244408911, "BSD-3 (torchvision)", "torchvision's AlexNet, ImageNet"),
    "vgg11": (531456000, "BSD-3 (torchvision)", "torchvision's VGG11, ImageNet"),
    "vgg16": (553433881, "BSD-3 (torchvision)", "torchvision's VGG16, ImageNet"),
    "vgg19": (574673361, "BSD-3 (torchvision)", "torchvision's VGG19, ImageNet"),
    "squeezenet": (4966400, "BSD-3 (torchvision)", "torchvision's SqueezeNet 1.1, ImageNet"),
}
# name -> (torchvision's name of the weights, their file, which ends in the start of its sum)
_WEIGHTS = {
    "alexnet": ("AlexNet_Weights", "alexnet-owt-7be5be79.pth"),
    "vgg11": ("VGG11_Weights", "vgg11-8a719046.pth"),
    "vgg16": ("VGG16_Weights", "vgg16-397923af.pth"),
    "vgg19": ("VGG19_Weights", "vgg19-dcbb9e9d.pth"),
    "squeezenet": ("SqueezeNet1_1_Weights", "squeezenet1_1-b8a52dc0.pth"),
}


def fetch(name: str) -> Path:
    """The folder or file of a source that is not embedded, downloaded by torchvision's own addresses where needed.

    A source of the local folder, or one fetched before, is returned without any network. Calling this is the
    permission to download. Every file is checked by its sum. Raises `DataError` for a name it does not know, for a
    local source that is not there, and when nothing can be downloaded.
    """
    if name not in LOCAL and name not in NETWORK:
        names = ", ".join(sorted(LOCAL.keys() | NETWORK.keys()))
        raise DataError(f"there is nothing to fetch for {name!r}: it is embedded or unknown; names to fetch: {names}")
    if name in LOCAL and (name not in NETWORK or local_path(name)):
        local_files(name, ANY_FILE)  # checks their sums
        return local_path(name)
    try:
        return _fetch_mnist() if name == "mnist" else _fetch_weights(name)
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise DataError(
            f"{name!r} could not be downloaded ({error}); is there a network? Everything embedded works without it"
        ) from error


def fetched(name: str) -> bool:
    """Whether the files of a network source lie in the cache (their sums are checked when they are read)."""
    if name == "mnist":
        return all((mnist_cache() / file).is_file() for file in MNIST_SUMS)
    return _checkpoint(name).is_file()


def mnist_cache() -> Path:
    """The folder of the cache for MNIST's four files."""
    return cache_folder() / "MNIST" / "raw"


def _fetch_mnist() -> Path:
    from torchvision.datasets import MNIST
    from torchvision.datasets.utils import download_url

    for file, md5 in MNIST.resources:
        for mirror in MNIST.mirrors:
            try:
                download_url(mirror + file, mnist_cache(), filename=file, md5=md5)  # nothing where it is there whole
                break
            except (urllib.error.URLError, RuntimeError, OSError):
                if mirror == MNIST.mirrors[-1]:
                    raise
        check_sum(mnist_cache() / file, MNIST_SUMS[file])
    return mnist_cache()


def _address(name: str) -> str:
    import torchvision

    return getattr(torchvision.models, _WEIGHTS[name][0]).IMAGENET1K_V1.url


def _checkpoint(name: str) -> Path:
    """Where torchvision itself looks for the weights; said without it, since its import takes longer than torch's."""
    return Path(torch.hub.get_dir()) / "checkpoints" / _WEIGHTS[name][1]


def _fetch_weights(name: str) -> Path:
    path = _checkpoint(name)
    start_of_sum = path.stem.rsplit("-", 1)[1]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(_address(name), str(path), hash_prefix=start_of_sum)
    if not sha256(path).startswith(start_of_sum):
        raise DataError(f"{path.name} is damaged: its sum does not start with {start_of_sum}; delete it and try again")
    return path
