"""Answers and arguments as arrays: taken apart, copied, written to a key and read back."""

import numpy as np
import torch

Parts = tuple[np.ndarray, ...]  # an answer: one array, or several where a function returns a tuple
KINDS = {"f": "floating point", "i": "whole numbers", "u": "whole numbers", "b": "true or false", "c": "complex"}
WIDE = {"floating point": np.float64, "whole numbers": np.int64, "true or false": np.bool_, "complex": np.complex128}


def kind(array: np.ndarray) -> str:
    """What sort of numbers an array holds: "floating point", "whole numbers", "true or false" or "complex"."""
    return KINDS[array.dtype.kind]


def as_parts(value: object) -> Parts:
    """An answer as arrays in double precision, copied: a tensor (also sparse), an array, a number, a list, or a tuple.

    Raises `TypeError` naming the type of what is none of these.

    >>> [part.shape for part in as_parts((torch.ones(2, 3), 0.5))]
    [(2, 3), ()]
    """
    if isinstance(value, tuple):
        return tuple(part for item in value for part in as_parts(item))
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().to_dense().resolve_conj().resolve_neg()
        value = (value.to(torch.float64) if value.is_floating_point() else value).numpy()
    elif isinstance(value, list) and value:
        value = [as_parts(item) for item in value]
        if any(len(item) != 1 or item[0].shape != value[0][0].shape for item in value):
            raise TypeError("a list of arrays that differ in shape (several results are a tuple)")
        value = np.stack([item[0] for item in value])
    elif not isinstance(value, np.ndarray | np.generic | bool | int | float | complex):
        raise TypeError(f"a value of type {type(value).__name__}")
    array = np.asarray(value)
    if array.dtype.kind not in KINDS:
        raise TypeError(f"an array of type {array.dtype}")
    return (array.astype(WIDE[kind(array)], copy=True),)


def fresh(value: object, *, dtype: torch.dtype | None = None) -> object:
    """A copy of an argument that shares no memory with it; with `dtype`, its floating-point arrays in that type."""
    if isinstance(value, torch.Tensor):
        copy = value.detach().clone()
        return copy.to(dtype) if dtype is not None and copy.is_floating_point() else copy
    if isinstance(value, np.ndarray):
        wanted = None if dtype is None or value.dtype.kind != "f" else str(dtype).removeprefix("torch.")
        return value.astype(wanted or value.dtype, copy=True)
    if isinstance(value, tuple | list):
        return type(value)(fresh(item, dtype=dtype) for item in value)
    return value


def same(one: object, other: object) -> bool:
    """Whether two arguments hold the same: types, shapes and values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor | np.ndarray):
        if one.dtype != other.dtype or tuple(one.shape) != tuple(other.shape):
            return False
        return all(np.array_equal(a, b) for a, b in zip(as_parts(one), as_parts(other), strict=True))
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def words(arguments: tuple) -> str:
    """Arguments for a message: shapes of arrays, and numbers as they are.

    >>> words((torch.ones(1, 3), 0.5))
    '(tensor of shape (1, 3), 0.5)'
    """

    def one(value: object) -> str:
        if isinstance(value, torch.Tensor | np.ndarray):
            name = "tensor" if isinstance(value, torch.Tensor) else "array"
            return f"{name} of shape {tuple(value.shape)}"
        if isinstance(value, tuple | list):
            return f"{type(value).__name__} of {len(value)}"
        return repr(value)

    return f"({', '.join(map(one, arguments))})"


def to_json(value: object) -> object:
    """An argument as JSON. Raises `TypeError` for what a key cannot hold, such as a function."""
    if isinstance(value, torch.Tensor | np.ndarray):
        form = "tensor" if isinstance(value, torch.Tensor) else "array"
        dtype = str(value.dtype).removeprefix("torch.")
        (array,) = as_parts(value)
        flat = array.ravel()
        numbers = [flat.real.tolist(), flat.imag.tolist()] if array.dtype.kind == "c" else flat.tolist()
        return {"form": form, "dtype": dtype, "shape": list(array.shape), "values": numbers}
    if isinstance(value, tuple | list):
        return {"form": type(value).__name__, "values": [to_json(item) for item in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a value of type {type(value).__name__}")


def from_json(stored: object) -> object:
    """The argument that `to_json` wrote."""
    if not isinstance(stored, dict):
        return stored
    if stored["form"] in ("tuple", "list"):
        items = [from_json(item) for item in stored["values"]]
        return tuple(items) if stored["form"] == "tuple" else items
    numbers, dtype = stored["values"], stored["dtype"]
    if dtype.startswith("complex"):
        numbers = np.asarray(numbers[0]) + 1j * np.asarray(numbers[1])
    if stored["form"] == "array":
        return np.asarray(numbers, dtype=dtype).reshape(stored["shape"])
    return torch.as_tensor(numbers, dtype=getattr(torch, dtype)).reshape(stored["shape"])
