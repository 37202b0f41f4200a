"""Photographs at hand without a network: those inside the packages scikit-image and scikit-learn, by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from deeprestore_lab.images.files import load
from deeprestore_lab.images.transforms import Size, fit, to_grey

CC0 = "CC0 1.0 (public domain dedication)"


@dataclass(frozen=True)
class Photograph:
    """A photograph's file, and its author and licence as far as the package that ships it states them."""

    name: str
    package: str
    file: str
    title: str
    author: str
    licence: str


def _table(package: str, rows: Sequence[tuple[str, str, str, str, str]]) -> dict[str, Photograph]:
    return {name: Photograph(name, package, file, *rest) for name, file, *rest in rows}


_PHOTOGRAPHS = _table(
    "skimage",
    [
        ("astronaut", "astronaut.png", "Eileen Collins", "NASA", "public domain (NASA)"),
        ("brick", "brick.png", "brick wall (texture)", "CC0Textures", CC0),
        ("camera", "camera.png", "photographer at work", "Lav Varshney", CC0),
        ("cell", "cell.png", "a cell in saline (phase image)", "Paul Müller and others", CC0),
        ("chelsea", "chelsea.png", "a cat", "Stefan van der Walt", CC0),
        ("clock", "clock_motion.png", "a clock, blurred by motion", "Stefan van der Walt", "public domain"),
        ("coffee", "coffee.png", "a cup of coffee", "Rachel Michetti", CC0),
        ("coins", "coins.png", "Greek coins from Pompeii", "Brooklyn Museum", "no known copyright restrictions"),
        ("grass", "grass.png", "grass (texture)", "linolafett", CC0),
        ("gravel", "gravel.png", "gravel (texture)", "CC0Textures", CC0),
        ("hubble", "hubble_deep_field.jpg", "Hubble eXtreme Deep Field", "NASA", "public domain (NASA)"),
        ("immunohistochemistry", "ihc.png", "stained tissue", "CMMI", "no known copyright restrictions"),
        ("microaneurysms", "microaneurysms.png", "detail of a retina", "Andreas Maier", CC0),
        ("moon", "moon.png", "surface of the moon", "not stated", "not stated"),
        ("motorcycle", "motorcycle_left.png", "a motorcycle (left view)", "Middlebury 2014 stereo data", "not stated"),
        ("page", "page.png", "a scanned page", "not stated", "not stated"),
        ("retina", "retina.jpg", "a retina", "Mikael Häggström", CC0),
        ("rocket", "rocket.jpg", "launch of DSCOVR", "SpaceX", "public domain"),
        ("text", "text.png", "handwriting", "Wikipedia, Corner.png", "public domain"),
    ],
) | _table(
    "sklearn",
    [
        ("china", "china.jpg", "a temple in China", "danielbuechele (Flickr)", "CC BY 2.0"),
        ("flower", "flower.jpg", "a flower", "vultilion (Flickr)", "CC BY 2.0"),
    ],
)
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}

TRAINING_PHOTOGRAPHS = ("china", "coffee", "flower", "motorcycle", "rocket")
HELD_OUT_PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coins", "hubble")
TEXTURES = ("brick", "grass", "gravel")
_SPLITS = {"training": TRAINING_PHOTOGRAPHS, "held_out": HELD_OUT_PHOTOGRAPHS, "texture": TEXTURES}


def photograph_names(split: str | None = None) -> tuple[str, ...]:
    """Names that `photograph` knows: all, or those of one split, "training", "held_out" or "texture".

    Weights are calibrated on the training photographs and judged on the held-out ones; the splits share none. Raises
    `ValueError` for another split.
    """
    if split is None:
        return tuple(sorted(_PHOTOGRAPHS))
    if split not in _SPLITS:
        raise ValueError(f"split must be None or one of {', '.join(map(repr, _SPLITS))}; got {split!r}")
    return _SPLITS[split]


def photograph_source(name: str) -> Photograph:
    """The photograph's title, author and licence, as its package states them. Raises `ValueError` for no such name."""
    if name not in _PHOTOGRAPHS:
        raise ValueError(f"no photograph is named {name!r}; there are {', '.join(photograph_names())}")
    return _PHOTOGRAPHS[name]


def photograph(name: str, *, size: Size | None = None, grey: bool = False) -> torch.Tensor:
    """A photograph `(1, 3, H, W)` in [0, 1], float32; `(1, 1, H, W)` with `grey`.

    `size` (one number for a square, or (height, width)) takes the largest centred window of that shape and shrinks
    it, bicubic and without aliasing. Photographs that are grey have three equal channels. Raises `ValueError` for
    an unknown name or a size larger than the photograph.

    >>> photograph("astronaut", size=128).shape
    torch.Size([1, 3, 128, 128])
    """
    x = _decoded(photograph_source(name).name)
    x = to_grey(x) if grey else x.clone()
    return x if size is None else fit(x, size, name=f"the photograph {name!r}")


def photographs(names: Sequence[str], *, size: Size, grey: bool = False) -> torch.Tensor:
    """Several photographs as one batch `(N, 3, H, W)`; see `photograph`. Raises `ValueError` for what are no names."""
    if isinstance(names, str) or not names:
        raise ValueError(f"names must be a sequence of photograph names, got {names!r}")
    return torch.cat([photograph(name, size=size, grey=grey) for name in names])


@cache
def _decoded(name: str) -> torch.Tensor:
    from importlib.util import find_spec

    source = _PHOTOGRAPHS[name]
    package = find_spec(source.package).submodule_search_locations[0]
    return load(Path(package) / _FOLDERS[source.package] / source.file)
