"""Things in words, for reports and error messages."""

import re

import numpy as np
import torch


def class_words(thing: object) -> str:
    """The name of a thing's class as words, for reports: a `GaussianLikelihood` is a "gaussian likelihood"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(thing).__name__).lower()


def describe(value: object) -> str:
    """Short description of a value for an error message."""
    if isinstance(value, torch.Tensor):
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a numpy array {value.dtype} of shape {value.shape} (torch.from_numpy makes a tensor of it)"
    return f"{value!r} ({type(value).__name__})"
