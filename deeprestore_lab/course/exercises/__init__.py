"""Exercises that tell what went wrong: a student notebook checks an answer without knowing the solution.

`Checks` is what a notebook uses. The rest makes a student notebook, a page and a key from one source notebook:
`python -m deeprestore_lab exercises build`. The book's page on teaching says how to write a source.
"""

from importlib import import_module

# Imported when first used: nbgrader reads this package for each of its commands, and most need no torch.
_HOME = {"Author": "authoring", "CheckFailed": "checks", "Checks": "checks"}
__all__ = [*_HOME]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
