"""A fingerprint of the data and settings that an object holds: what a file of a run compares."""

import hashlib
from collections.abc import Iterator
from enum import Enum
from functools import cached_property, partial
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType

import numpy as np
import torch
from torch import nn

PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.Size, np.generic, PurePath, Enum)
NAMED = (type, FunctionType, BuiltinFunctionType)
FEW = 4  # numbers of a tensor or a list that are shown as they are
Seen = dict[int, tuple[object, str]]


def fingerprint(value: object, seen: Seen | None = None) -> str:
    """The same text for the same data in another process: a number or a word itself, else a digest.

    Tensors and arrays count bit by bit, on whatever device they are, containers and objects by what they hold, and
    functions by their name alone, since what they do cannot be compared. Of an object private attributes and cached
    properties are left out, as caches that change with use. `seen` keeps what was found for calls to come.
    """
    seen = {} if seen is None else seen
    if id(value) in seen:
        return seen[id(value)][1]
    few = isinstance(value, list | tuple) and len(value) <= FEW and all(isinstance(own, PLAIN) for own in value)
    if few or isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, NAMED):
        return getattr(value, "__qualname__", repr(type(value)))
    if isinstance(value, torch.Tensor) and value.numel() <= FEW and not value.is_sparse:
        return f"{value.tolist()} {value.dtype}"
    seen[id(value)] = value, "itself"  # for what holds itself
    digest = hashlib.sha256(type(value).__qualname__.encode())
    for part in _parts(value, seen):
        digest.update(part)
    text = digest.hexdigest()[:16]
    seen[id(value)] = value, text  # with the value, whose id is then no other's
    return text


def attributes(value: object) -> dict[str, object]:
    """What an object holds under public names, a module's parameters, buffers and parts among them, without caches."""
    held = dict(getattr(value, "__dict__", {}))
    if isinstance(value, nn.Module):
        held |= value._parameters | value._buffers | value._modules
        held.pop("training", None)
    for kind in type(value).__mro__:
        slots = getattr(kind, "__slots__", ())
        names = (slots,) if isinstance(slots, str) else slots
        held |= {name: getattr(value, name) for name in names if hasattr(value, name)}
    return {
        name: own
        for name, own in sorted(held.items())
        if not name.startswith("_") and not isinstance(getattr(type(value), name, None), cached_property)
    }


def _parts(value: object, seen: Seen) -> Iterator[bytes]:
    if isinstance(value, torch.Tensor):
        dense = value.detach().to_dense() if value.is_sparse else value.detach()
        yield f"{tuple(dense.shape)} {dense.dtype}".encode()
        whole = dense.cpu().resolve_conj().resolve_neg().contiguous()
        yield whole.reshape(-1).view(torch.uint8).numpy().data
        return
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.shape} {value.dtype}".encode()
        yield np.ascontiguousarray(value).tobytes()
        return
    if isinstance(value, set | frozenset):
        held = sorted(fingerprint(own, seen) for own in value)
    elif isinstance(value, dict):
        held = [fingerprint(own, seen) for pair in value.items() for own in pair]
    elif isinstance(value, list | tuple):
        held = [fingerprint(own, seen) for own in value]
    elif isinstance(value, MethodType):
        held = [fingerprint(own, seen) for own in (value.__func__, value.__self__)]
    elif isinstance(value, partial):
        held = [fingerprint(own, seen) for own in (value.func, value.args, value.keywords)]
    else:
        held = [f"{name} {fingerprint(own, seen)}" for name, own in attributes(value).items()]
    yield "\n".join(held).encode()
