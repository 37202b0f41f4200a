"""The book's own Sphinx extensions as modules: they lie in a folder that is no package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[2] / "book" / "_ext"


def extension(name: str) -> ModuleType:
    """The module of `book/_ext/NAME.py`, made anew."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
