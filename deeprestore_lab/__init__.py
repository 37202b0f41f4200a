"""deeprestore_lab: image restoration with priors, from one equation.

    x* = g(theta*),  theta* = argmin E(A g(theta), y) + sum_i lambda_i R_i(g(theta)) + S(theta)

Each symbol is a folder or a module: `operators` (A), `energies` (E), `priors` (R), `parametrisations` (g, S),
`solve` (argmin). Submodules are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

__version__ = "0.1.0"

_MODULES = (
    "arithmetic",
    "artifacts",
    "backbones",
    "backpropagation",
    "baselines",
    "claims",
    "convolution",
    "corruptions",
    "data",
    "discrepancies",
    "distortions",
    "energies",
    "exercises",
    "figures",
    "filters",
    "frames",
    "generators",
    "images",
    "kernels",
    "losses",
    "metrics",
    "networks",
    "operators",
    "parametrisations",
    "perceptual",
    "priors",
    "retrieval",
    "sample_quality",
    "solve",
    "style",
    "submission",
    "sweeps",
    "training",
    "weight_choice",
    "widgets",
)

__all__ = [*_MODULES, "claim", "minimise"]


def __getattr__(name: str):
    # Every module, not only those of the list: else one would be there or not by what had been imported before.
    if name in _MODULES or (not name.startswith("_") and find_spec(f"deeprestore_lab.{name}")):
        return import_module(f"deeprestore_lab.{name}")
    if name == "minimise":
        return import_module("deeprestore_lab.solve").minimise
    if name == "claim":
        return import_module("deeprestore_lab.course.claims").claim
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
