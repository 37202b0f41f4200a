"""Where the book lies, what it is made of, and what its results depend on."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import yaml

from scripts.book.address import VARIABLES as ADDRESSES

BUILT = {"_build", "extra", "__pycache__"}
PACKAGES = ("torch", "torchvision", "numpy", "scikit-image", "scikit-learn", "matplotlib", "ipywidgets")
VARIABLES = ("DEEPRESTORE_DATA", "DEEPRESTORE_CACHE", "DEEPRESTORE_DOWNLOAD")


@dataclass(frozen=True)
class Places:
    """The folders of a book: of this project, or of a small one that a test makes."""

    root: Path

    @property
    def book(self) -> Path:
        """The sources: `_config.yml`, `_toc.yml`, chapters and pages."""
        return self.root / "book"

    @property
    def cache(self) -> Path:
        """What outlives a build: executed notebooks, settings."""
        return self.root / ".cache" / "book"

    @property
    def built(self) -> Path:
        """All that a build makes, Sphinx's own state included."""
        return self.book / "_build"

    @property
    def html(self) -> Path:
        """The pages."""
        return self.built / "html"

    @property
    def finished(self) -> Path:
        """A file that is there only while the pages are those of a build that ended well: it holds `source_hash`."""
        return self.html / ".source-hash"

    @property
    def colab(self) -> Path:
        """Copies of the notebooks for Colab, named as their pages."""
        return self.built / "colab"

    @property
    def seconds(self) -> Path:
        """What each chapter cost, as JSON."""
        return self.built / "seconds.json"

    @property
    def executed(self) -> Path:
        """The cache of executed notebooks for the library and the machine as they are now."""
        return self.cache / f"executed-{execution_hash(self)}"


def chapters(places: Places) -> dict[str, Path]:
    """The notebooks of the table of contents, in its order: page name to file."""

    def names(entry: object) -> Iterator[str]:
        if isinstance(entry, dict):
            for key, value in entry.items():
                if key in ("root", "file"):
                    yield value
                else:
                    yield from names(value)
        elif isinstance(entry, list):
            for part in entry:
                yield from names(part)

    table = yaml.safe_load((places.book / "_toc.yml").read_text(encoding="utf-8"))
    files = {name: places.book / f"{name}.ipynb" for name in names(table)}
    return {name: file for name, file in files.items() if file.is_file()}


def execution_hash(places: Places) -> str:
    """A hash of everything a notebook's result depends on besides itself.

    That is the library with its records, the Python and the packages that compute, and the data of the reader that
    chapters would use: a page made with them must not stand where they are not.
    """
    digest = hashlib.sha256()
    _add(digest, places.root, sorted((places.root / "deeprestore_lab").rglob("*")))
    for variable in VARIABLES:
        digest.update(f"{variable}={os.environ.get(variable, '')}\0".encode())
    for package in PACKAGES:
        digest.update(f"{package}={_version(package)}\0".encode())
    digest.update(platform.python_version().encode())
    return digest.hexdigest()[:16]


def frame_hash(places: Places) -> str:
    """A hash of what shapes every page and is none of Sphinx's sources: Sphinx does not look whether it changed."""
    digest = hashlib.sha256()
    own = Path(__file__).resolve().parent
    _add(digest, own, sorted(own.rglob("*")))
    book = places.book
    files = [*(book / "_ext").rglob("*"), *(book / "_static").rglob("*"), *(book / "_search").rglob("*")]
    _add(digest, places.root, sorted([*files, *book.glob("_*.yml"), book / "offline.json"]))
    for variable in ADDRESSES:
        digest.update(f"{variable}={os.environ.get(variable, '')}\0".encode())
    return digest.hexdigest()[:16]


def source_hash(places: Places) -> str:
    """A hash of everything a page depends on."""
    digest = hashlib.sha256((execution_hash(places) + frame_hash(places)).encode())
    _add(digest, places.root, sorted([*places.book.rglob("*"), *(places.root / "exercises").glob("*.ipynb")]))
    return digest.hexdigest()[:16]


def _add(digest, root: Path, files: Iterable[Path]) -> None:
    """Add names and bytes of the files among `files`; what was built is left out, and what tools keep (.ruff_cache)."""
    for path in files:
        name = path.relative_to(root)
        if path.is_file() and not any(part in BUILT or part.startswith(".") for part in name.parts):
            digest.update(name.as_posix().encode() + b"\0" + path.read_bytes())


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
