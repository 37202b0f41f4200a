"""Artifacts: what took long to make and is shipped with the library, each with a card that says how it was made.

Two kinds: *records* (JSON numbers, and picture grids beside them) and *weights* (safetensors). Loading checks
the sum on the card; nothing is unpickled. All of them together stay under `SIZE_LIMIT` bytes.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import safetensors.torch
import torch

from deeprestore_lab.core.writing import write_whole

SHIPPED = Path(__file__).parent / "shipped"
SIZE_LIMIT = 25_000_000  # bytes, all artifacts together
SUFFIXES = {"records": ".json", "weights": ".safetensors"}
PICTURE_SUFFIXES = (".webp", ".png")


class ArtifactError(ValueError):
    """A shipped file is missing, damaged, or not what its card says."""


@dataclass(frozen=True)
class Card:
    """How an artifact was made: the command, the data and its licence, the seeds, the metric it reached."""

    name: str
    kind: str
    command: str
    data: str
    licence: str
    seeds: list[int]
    metric: str
    library_version: str
    sha256: dict[str, str]  # file name -> sum; of a record's text with plain line ends, whatever it has on disk

    def __repr__(self) -> str:
        seeds = ", ".join(map(str, self.seeds)) or "none"
        lines = [f"{self.name} ({self.kind}), made by deeprestore_lab {self.library_version}"]
        lines += [f"  command: {self.command}", f"  data:    {self.data} ({self.licence})"]
        lines += [f"  seeds:   {seeds}", f"  metric:  {self.metric}"]
        return "\n".join(lines + [f"  file:    {file}  {sum_[:12]}" for file, sum_ in self.sha256.items()])


def save_record(
    name: str,
    content: Mapping,
    *,
    command: str,
    data: str,
    licence: str,
    seeds: Sequence[int],
    metric: str,
    pictures: Mapping[str, bytes] | None = None,
    folder: Path | None = None,
) -> Path:
    """Write the numbers of a record as JSON, its pictures, then its card; return the JSON file's path.

    `content` is a mapping that JSON can hold without loss (finite numbers, strings as keys). `pictures` maps
    file endings such as `"grid.webp"` to encoded pictures. Raises `ValueError` for anything else.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"a record's content must be a mapping, got {type(content).__name__}")
    try:
        text = json.dumps(dict(content), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ValueError(f"record {name!r} holds something that JSON cannot ({error})") from error
    if json.loads(text) != content:
        raise ValueError(f"record {name!r} would not be read back as it is: use lists, and strings as keys")
    files = {f"{_checked(name)}.json": text.encode()}
    for ending, picture in (pictures or {}).items():
        if not _checked(Path(ending).stem) or Path(ending).suffix not in PICTURE_SUFFIXES:
            raise ValueError(f"a picture's name must end in {' or '.join(PICTURE_SUFFIXES)}, got {ending!r}")
        files[f"{name}.{ending}"] = bytes(picture)
    return _save("records", name, files, command, data, licence, seeds, metric, folder)


def save_weights(
    name: str,
    tensors: Mapping[str, torch.Tensor],
    *,
    command: str,
    data: str,
    licence: str,
    seeds: Sequence[int],
    metric: str,
    folder: Path | None = None,
) -> Path:
    """Write named tensors as safetensors, then their card; return the file's path.

    Raises `ValueError` for an empty mapping or for something that is not a tensor.
    """
    if not tensors or not all(isinstance(tensor, torch.Tensor) for tensor in tensors.values()):
        raise ValueError("weights must be a mapping of names to tensors, with at least one tensor")
    own = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
    files = {f"{_checked(name)}.safetensors": safetensors.torch.save(own)}
    return _save("weights", name, files, command, data, licence, seeds, metric, folder)


def load_record(name: str, *, folder: Path | None = None) -> dict:
    """The numbers of the record `name`. Raises `ArtifactError` where it is missing or its sum is wrong."""
    return json.loads(_load("records", name, f"{_checked(name)}.json", folder))


def load_picture(name: str, ending: str, *, folder: Path | None = None) -> bytes:
    """A picture of the record `name`, encoded, by its ending, such as `"grid.webp"`. Raises `ArtifactError`."""
    return _load("records", name, f"{_checked(name)}.{ending}", folder)


def load_weights(name: str, *, folder: Path | None = None) -> dict[str, torch.Tensor]:
    """The tensors of the weights `name`, on the CPU. Raises `ArtifactError` where missing or damaged."""
    return safetensors.torch.load(_load("weights", name, f"{_checked(name)}.safetensors", folder))


def card(name: str, *, kind: str | None = None, folder: Path | None = None) -> Card:
    """The card of an artifact. `kind` ("records" or "weights") is needed where both have the name.

    Raises `ArtifactError` where there is none, or not just one, and for a card that cannot be read.
    """
    _checked(name)
    kinds = [kind] if kind else [kind for kind, known in available(folder=folder).items() if name in known]
    if len(kinds) != 1 or kinds[0] not in SUFFIXES:
        known = "; ".join(f"{kind}: {', '.join(names) or 'none'}" for kind, names in available(folder=folder).items())
        raise ArtifactError(f"no single artifact is called {name!r} (shipped: {known})")
    path = (folder or SHIPPED) / kinds[0] / f"{name}.card.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Card(**{field.name: content[field.name] for field in fields(Card)})
    except FileNotFoundError:
        raise ArtifactError(f"the card {kinds[0]}/{path.name} is missing; {_remedy(kinds[0])}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"the card {kinds[0]}/{path.name} cannot be read ({error}); {_remedy(kinds[0])}") from error


def available(*, folder: Path | None = None) -> dict[str, list[str]]:
    """Names of the shipped artifacts: `{"records": [...], "weights": [...]}`."""
    root = folder or SHIPPED
    return {
        kind: sorted(p.name.removesuffix(".card.json") for p in (root / kind).glob("*.card.json")) for kind in SUFFIXES
    }


def _checked(name: str) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(
            f"a name has letters, digits, '_' and '-' only and starts with a letter or digit, got {name!r}"
        )
    return name


def _remedy(kind: str) -> str:
    return f"restore it from the repository, or make it again with `make {kind}`"


def _load(kind: str, name: str, file: str, folder: Path | None) -> bytes:
    own_card = card(name, kind=kind, folder=folder)
    if file not in own_card.sha256:
        raise ArtifactError(f"{kind}/{name} has no file {file!r} (it has: {', '.join(own_card.sha256)})")
    try:
        raw = ((folder or SHIPPED) / kind / file).read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"the artifact {kind}/{file} is missing; {_remedy(kind)}") from None
    if file.endswith(".json"):  # a checkout or an editor may have changed its line ends, which mean nothing in JSON
        raw = raw.replace(b"\r\n", b"\n")
    found = hashlib.sha256(raw).hexdigest()
    if found != own_card.sha256[file]:
        raise ArtifactError(
            f"{kind}/{file} is not the file its card describes (sha256 {found[:12]}, expected "
            f"{own_card.sha256[file][:12]}); {_remedy(kind)}"
        )
    return raw


def _save(kind, name, files, command, data, licence, seeds, metric, folder) -> Path:
    texts = {"command": command, "data": data, "licence": licence, "metric": metric}
    for field, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"the card of {name!r} needs its {field} as a sentence, got {text!r}")
    from deeprestore_lab import __version__

    sums = {file: hashlib.sha256(raw).hexdigest() for file, raw in files.items()}
    own_card = Card(name=name, kind=kind, **texts, seeds=list(seeds), library_version=__version__, sha256=sums)
    target = (folder or SHIPPED) / kind
    target.mkdir(parents=True, exist_ok=True)
    files = files | {f"{name}.card.json": (json.dumps(asdict(own_card), indent=1, ensure_ascii=False) + "\n").encode()}
    for file, raw in files.items():  # the card last: an interrupted save is refused when loaded, never believed
        write_whole(target / file, raw)
    return target / f"{name}{SUFFIXES[kind]}"
