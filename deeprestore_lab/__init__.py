"""deeprestore_lab: image restoration with priors, from one equation.

    x* = g(theta*),  theta* = argmin E(A g(theta), y) + sum_i lambda_i R_i(g(theta)) + S(theta)

Each symbol is a folder: `operators` (A), `energies` (E), `priors` (R), `parametrisations` (g, S),
`solve` (argmin). Submodules are imported when they are first used.
"""

from importlib import import_module
from importlib.util import find_spec

__version__ = "0.1.0"

_ROOMS = (
    "backbones",
    "baselines",
    "core",
    "course",
    "data",
    "energies",
    "generators",
    "images",
    "measures",
    "networks",
    "operators",
    "parametrisations",
    "priors",
    "signal",
    "solve",
    "style",
    "teaching",
    "training",
)

# What a notebook writes as `drl.NAME`, and where it lives.
_SHORT = {
    "arithmetic": "signal.arithmetic",
    "artifacts": "core.artifacts",
    "backpropagation": "training.backpropagation",
    "claims": "course.claims",
    "convolution": "signal.convolution",
    "corruptions": "images.corruptions",
    "discrepancies": "measures.discrepancies",
    "distortions": "images.distortions",
    "exercises": "course.exercises",
    "figures": "course.figures",
    "filters": "signal.filters",
    "frames": "operators.frames",
    "kernels": "signal.kernels",
    "losses": "training.losses",
    "metrics": "measures.metrics",
    "perceptual": "measures.perceptual",
    "retrieval": "measures.retrieval",
    "sample_quality": "measures.sample_quality",
    "submission": "teaching.submission",
    "sweeps": "course.sweeps",
    "weight_choice": "measures.weight_choice",
    "widgets": "course.widgets",
}

__all__ = [*_ROOMS, *_SHORT, "claim", "minimise"]


def __getattr__(name: str):
    # Every room, not only those of the list: else one would be there or not by what had been imported before.
    if name in _SHORT:
        return import_module(f"deeprestore_lab.{_SHORT[name]}")
    if name in _ROOMS or (not name.startswith("_") and find_spec(f"deeprestore_lab.{name}")):
        return import_module(f"deeprestore_lab.{name}")
    if name == "minimise":
        return import_module("deeprestore_lab.solve").minimise
    if name == "claim":
        return import_module("deeprestore_lab.course.claims").claim
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
