"""Parts of a long computation kept in files: a script that was interrupted goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from tqdm import tqdm

from deeprestore_lab.core.artifacts import ArtifactError, load_picture, load_record
from deeprestore_lab.solve.state_files import write_tensors
from scripts import ROOT

CACHE = ROOT / ".cache" / "records"
Part = tuple[dict, dict[str, torch.Tensor]]  # numbers that JSON can hold, and tensors


class Parts:
    """The parts of one piece of work, by name, in a folder that belongs to the name and these settings.

    Other settings start anew, since the parts then mean something else. A change of the code does not: remove the
    folder (`folder`) then. It is made with the first part. `checkpoint(key)` names a file in it for
    `minimise(..., checkpoint=)`, which goes when the part is done.
    """

    def __init__(self, name: str, settings: dict, *, cache: Path | None = None) -> None:
        text = json.dumps(settings, sort_keys=True)
        root = CACHE if cache is None else cache
        self.folder = root / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def all(self, keys: list[str], make: Callable[[str], Part], *, known: dict[str, dict] | None = None) -> dict:
        """Every part, made where it is not there yet, with a progress bar; `ValueError` where two share a file.

        `known` has the numbers of parts that a record holds already, made with these settings: they come without
        tensors, unless their file is there.
        """
        files = [self._path(key) for key in keys]
        if shared := sorted(key for key, file in zip(keys, files, strict=True) if files.count(file) > 1):
            raise ValueError(f"these keys would share a file: {', '.join(shared)}")
        numbers = {key: own for key, own in (known or {}).items() if not self._path(key).exists()}
        return {
            key: (numbers[key], {}) if key in numbers else self.get(key, make)
            for key in tqdm(keys, desc=self.folder.name)
        }

    def get(self, key: str, make: Callable[[str], Part]) -> Part:
        """The part `key`, from its file or made now and written whole."""
        path = self._path(key)
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            numbers, tensors = make(key)
            tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
            write_tensors(path, tensors, {"numbers": json.dumps(numbers)})
            self.checkpoint(key).unlink(missing_ok=True)
        try:
            with safe_open(str(path), framework="pt") as file:
                return json.loads(file.metadata()["numbers"]), {name: file.get_tensor(name) for name in file.keys()}
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no part that can be read ({error}); remove it") from error

    def checkpoint(self, key: str) -> Path:
        """Where the unfinished run of a part may be kept, while `get` makes it."""
        return self._path(key).with_suffix(".run")

    def _path(self, key: str) -> Path:
        return self.folder / (re.sub(r"[^A-Za-z0-9_-]+", "_", key) + ".safetensors")


def recorded(name: str, settings: dict) -> dict:
    """The record `name` as it ships, where it was made with these settings; empty otherwise."""
    try:
        record = load_record(name)
    except ArtifactError:
        return {}
    held = record.get("settings", record)
    return record if all(held.get(key) == value for key, value in rounded(settings).items()) else {}


def by_key(rows: Mapping[str, list[dict]], names: Iterable[object]) -> dict[str, dict]:
    """The numbers of a record's rows under the keys `ROW | NAME` of their parts; a record may hold fewer than names."""
    names = list(names)
    return {f"{row} | {name}": own for row, entries in rows.items() for name, own in zip(names, entries, strict=False)}


def or_shipped(name: str, pictures: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """Pictures of the record `name` by file: those made now, and as it ships them where None was made."""
    return {file: load_picture(name, file) if new is None else new for file, new in pictures.items()}


def rounded(value: object) -> object:
    """Every float in nested dicts and lists to five digits, finer than another machine would repeat it."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
