"""Nested state as JSON and named tensors, its files and its comparison: what a checkpoint is made of."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from deeprestore_lab.core.writing import whole


def pack(value: object, name: str, tensors: dict[str, torch.Tensor]) -> object:
    """JSON for `value`, its tensors moved to `tensors` under their path."""
    if isinstance(value, torch.Tensor) and value.is_complex():  # files hold real numbers
        return {"complex": [pack(torch.view_as_real(value.resolve_conj()), name, tensors)]}
    if isinstance(value, torch.Tensor):
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[key, pack(item, f"{name}/{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [pack(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]
    return value


def unpack(value: object, tensor: Callable[[str], torch.Tensor]) -> object:
    """The inverse of `pack`; `tensor` gives a tensor by its path."""
    if isinstance(value, list):
        return [unpack(item, tensor) for item in value]
    if isinstance(value, dict) and "complex" in value:
        # A copy: in a file numbers lie where they come, and complex ones that are not aligned end the process.
        return torch.view_as_complex(unpack(value["complex"][0], tensor).clone())
    if isinstance(value, dict):
        return tensor(value["tensor"]) if "tensor" in value else {k: unpack(v, tensor) for k, v in value["items"]}
    return value


def write_state(path: Path, state: dict, *, format: str) -> None:
    """Write a state to a new file, tensors in safetensors and the rest as JSON, and put it in place in one go."""
    tensors: dict[str, torch.Tensor] = {}
    header = {"format": format, "state": json.dumps(pack(state, "", tensors))}
    write_tensors(path, tensors, header)


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], header: dict[str, str]) -> None:
    """Write a safetensors file elsewhere and put it in its place in one go; nothing is left of one that failed."""
    with whole(path) as part:
        save_file(tensors, part, metadata=header)


def read_state(path: Path, *, format: str) -> dict:
    """The state of a file that `write_state` wrote. Raises `ValueError` where it cannot be read or is another kind."""
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != format:
                raise ValueError(f"its format is {header.get('format')!r}, not {format!r}")
            return unpack(json.loads(header["state"]), file.get_tensor)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{str(path)!r} is not a checkpoint that can be read ({error}); remove it or name another file"
        ) from error


def to_device(value: object, device: torch.device) -> object:
    """Every tensor in nested lists and dicts moved to `device`."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    return [to_device(item, device) for item in value] if isinstance(value, list) else value


def same(a: object, b: object) -> bool:
    """Equality, with numbers compared to the rounding that another number of threads gives."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-6) or (a != a and b != b)  # noqa: PLR0124
    return a == b


def short(value: object) -> str:
    """A value in at most 60 characters, for a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
