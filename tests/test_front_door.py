"""What the course writes as `drl.NAME` is there after `import deeprestore_lab as drl` alone."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "deeprestore_lab"
BUILT = {"_build", "extra", ".ipynb_checkpoints", "release", "submitted", "autograded", "feedback"}


def texts() -> Iterator[tuple[str, str]]:
    """Every page, exercise and script a person reads: its place and its text, of notebooks the cells'."""
    folders = [ROOT / name for name in ("book", "exercises", "benchmarks")]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if not BUILT & set(path.parts)]
    for path in [*ROOT.glob("*.md"), *files]:
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            yield name, "\n\n".join("".join(cell["source"]) for cell in cells)
        elif path.suffix in (".md", ".py"):
            yield name, path.read_text(encoding="utf-8")


def attributes(text: str) -> set[str]:
    """What a text writes as `drl.NAME...`: it has to be there without any other import."""
    return set(re.findall(r"(?<![\w.])drl\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", text))


def imports(text: str) -> set[str]:
    """What a text imports from the package, or names by its full dotted path."""
    found = set(re.findall(r"(?<![\w./-])deeprestore_lab\.(?!json)([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", text))
    for module, names in re.findall(r"^\s*from deeprestore_lab([\w.]*) import (\([^)]*\)|[^\n(]*)", text, re.MULTILINE):
        parsed = ast.parse(f"from x import {names}").body[0].names
        found |= {f"{module}.{each.name}".lstrip(".") for each in parsed}
    return found


TEXTS = dict(texts())


@pytest.fixture
def package():
    """The package as a new process would import it: nothing of it loaded, so that nothing is there by chance."""
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "deeprestore_lab"}
    for name in kept:
        del sys.modules[name]
    yield importlib.import_module("deeprestore_lab")
    for name in [name for name in sys.modules if name.split(".")[0] == "deeprestore_lab"]:
        del sys.modules[name]
    sys.modules.update(kept)


def missing(package: ModuleType, chain: str, *, importing: bool = False) -> str | None:
    """The first part of a chain that is not there, or None. What is no module or class is not looked into.

    A module within a folder counts as an attribute where the folder itself imports it, since others may have imported
    it before; with `importing` it is enough that it can be imported.
    """
    here = package
    for place, part in enumerate(chain.split(".")):
        if not isinstance(here, ModuleType | type):
            return None
        if importing and hasattr(here, "__path__") and importlib.util.find_spec(f"{here.__name__}.{part}"):
            here = importlib.import_module(f"{here.__name__}.{part}")
            continue
        there = getattr(here, part, None)
        if there is None or (
            isinstance(there, ModuleType) and place and f"{here.__name__}.{part} import" not in source(here)
        ):
            return ".".join(chain.split(".")[: place + 1])
        here = there
    return None


def source(module: ModuleType) -> str:
    return Path(module.__file__).read_text(encoding="utf-8")


def test_names_of_the_library_are_found_in_the_pages():
    page = TEXTS["book/part2_perceptual/07_feature_losses.ipynb"]
    assert "kernels.gaussian_kernel" in attributes(page) and "images.distortions.distort" in imports(page)
    assert attributes("x = drl.a.b(1) + my.drl.no") == {"a.b"}
    assert imports("from deeprestore_lab.c import (\n    d,\n    e as f,\n)") == {"c", "c.d", "c.e"}


def test_every_name_of_the_course_is_there_after_one_import(package):
    """Attributes first: importing a module would put it there."""
    wrong = []
    for find in (attributes, imports):
        seen = {}
        for name, text in TEXTS.items():
            for chain in sorted(find(text)):
                if chain not in seen:
                    seen[chain] = missing(package, chain, importing=find is imports)
                if seen[chain]:
                    wrong.append(f"{name}: {chain}: there is no {seen[chain]}")
        assert len(seen) > 100
    assert not wrong, "\n".join(wrong)


def test_every_module_is_there_after_one_import(package):
    names = {path.stem for path in PACKAGE.glob("[a-z]*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert len(names) > 15
    names |= set(package._SHORT)
    for name in sorted(names):  # none may be there only because an earlier one imported it
        for loaded in [each for each in sys.modules if each.startswith("deeprestore_lab.")]:
            package.__dict__.pop(loaded.split(".")[1], None)
        assert isinstance(getattr(package, name), ModuleType), name
    with pytest.raises(AttributeError, match="has no attribute 'kernel'"):
        _ = package.kernel
