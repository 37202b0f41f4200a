"""deeprestore_lab: image restoration with priors, from one equation.

    x* = g(theta*),  theta* = argmin E(A g(theta), y) + sum_i lambda_i R_i(g(theta)) + S(theta)

Each symbol is a folder: `operators` (A), `energies` (E), `priors` (R), `parametrisations` (g, S),
`solve` (argmin). Submodules are imported when they are first used.
"""

from importlib import import_module
from pkgutil import iter_modules

__version__ = "0.1.0"

_ROOMS = tuple(module.name for module in iter_modules(__path__) if module.ispkg)

# What a notebook writes as `drl.NAME`, and where it lives.
_SHORT = {
    "arithmetic": "signal.arithmetic",
    "artifacts": "core.artifacts",
    "backpropagation": "training.backpropagation",
    "bench": "course.bench",
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
    if name in _SHORT:
        return import_module(f"deeprestore_lab.{_SHORT[name]}")
    if name in _ROOMS:
        return import_module(f"deeprestore_lab.{name}")
    if name == "minimise":
        return import_module("deeprestore_lab.solve").minimise
    if name == "claim":
        return import_module("deeprestore_lab.course.claims").claim
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
