"""Where data files lie, and whether they are what they should be: the local folder, the cache, sums, IDX arrays."""

import gzip
import hashlib
import os
import zlib
from pathlib import Path

import numpy as np
import torch
from platformdirs import user_cache_path

_LARGEST_ARRAY = 100_000_000  # bytes: twice MNIST


class DataError(ValueError):
    """Data that was asked for is missing, damaged, or cannot be fetched; the message says what to do."""


def local_folder() -> Path | None:
    """The folder that the environment variable `DEEPRESTORE_DATA` names now, or None where it is not set.

    Raises `DataError` where it names something that is no folder: it is never silently passed over.
    """
    named = os.environ.get("DEEPRESTORE_DATA", "").strip()
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(f"DEEPRESTORE_DATA names {named!r}, which is not a folder; correct it or unset it")
    return folder


def cache_folder() -> Path:
    """Where downloads are kept: `DEEPRESTORE_CACHE`, or `deeprestore_lab` in the user's cache. It may not exist yet."""
    named = os.environ.get("DEEPRESTORE_CACHE", "").strip()
    return Path(named).expanduser() if named else user_cache_path("deeprestore_lab", appauthor=False)


def downloads_allowed(allow_download: bool | None) -> bool:
    """The argument where it is given, else whether `DEEPRESTORE_DOWNLOAD` is 1, true or yes."""
    if allow_download is not None:
        return allow_download
    return os.environ.get("DEEPRESTORE_DOWNLOAD", "").strip().lower() in ("1", "true", "yes")


def sha256(path: Path) -> str:
    """The file's sum, in hexadecimal. Raises `DataError` where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from error


def check_sum(path: Path, expected: str | None) -> Path:
    """`path`, if its sum is the expected one (or none is known). Raises `DataError` otherwise."""
    if expected is not None and (found := sha256(path)) != expected:
        raise DataError(
            f"{path.name} is damaged or another file (sha256 {found[:12]}, expected {expected[:12]}); get it again"
        )
    return path


def listed_sums(folder: Path) -> dict[str, str]:
    """`{relative path: sha256}` from the folder's SHA256SUMS; empty where there is none.

    Raises `DataError` for a file that cannot be read or is damaged.
    """
    try:
        lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"SHA256SUMS of the local data folder cannot be read: {error}") from error
    pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
    if any(len(pair) != 2 or len(pair[0]) != 64 for pair in pairs):
        raise DataError("SHA256SUMS of the local data folder is damaged: each line is a sum of 64 digits and a name")
    return {name.lstrip("*").removeprefix("./"): total for total, name in pairs}


def read_idx(path: Path) -> torch.Tensor:
    """The array of bytes in a gzipped IDX file (MNIST's format), uint8. Nothing is unpickled.

    The file is two zero bytes, the type (8: unsigned bytes), the number of dimensions, each as four bytes
    with the highest first, then the values. Raises `DataError` for anything else, and for a file that is cut off.
    """
    try:
        with gzip.open(path) as file:
            raw = file.read(_LARGEST_ARRAY + 1)
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing from {path.parent}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is damaged: it cannot be unpacked ({error})") from error
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or not 1 <= raw[3] <= 4 or len(raw) < 4 + 4 * raw[3]:
        raise DataError(f"{path.name} is no IDX file of bytes: it starts with {raw[:4].hex() or 'nothing'}")
    start = 4 + 4 * raw[3]
    shape = [int.from_bytes(raw[place : place + 4], "big") for place in range(4, start, 4)]
    wanted = int(np.prod([int(n) for n in shape], dtype=object))
    if len(raw) - start != wanted:
        raise DataError(f"{path.name} is damaged: its header promises {wanted} values, it holds {len(raw) - start}")
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=start).reshape(shape).copy())
