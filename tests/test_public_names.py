"""What the library offers is used by the course, and what can fail says so."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "deeprestore_lab"
FILES = sorted(PACKAGE.rglob("*.py"))

# Offered without a user in the library, a chapter, an exercise or a script so far, and why it stays.
KEPT = {
    "block_mask": "missing squares, one of the four masks that inpainting is shown with",
    "AveragePooling": "the rule that chapter 5 derives beside that of max pooling",
    "Crop": "the border of a blur that nobody made up: what a camera sees of a scene that goes on",
    "RandomProjection": "compressed sensing, for those who bring their own data",
    "exact_wasserstein": "what the sliced distance approximates, and the benchmark's peers are judged by",
    "projected_length": "the factor between an energy distance and its projections, which chapter 12 states",
    "reverse_chamfer": "the other direction of the distance that IMLE minimises, and its contrast",
    "check_adjoint": "the first test of an operator of one's own",
    "check_gradient": "the first test of a prior of one's own",
    "same_law_level": "the level that two samples of one law reach, by which the distances' own pages are read",
    "best_weight_for": "what knows the truth of one picture: no rule for a weight can do better",
    "curvature_bounds": "how far a field of experts is from convex, as the ridge regulariser's `weak_convexity` says",
    "is_tight": "the question beside `is_frame`, and what the example of `frame_bounds` shows",
}
SAYS = re.compile(r"\b[Rr]aises?\b|\b\w*Error\b|\b[Ee]rrors as in\b")
OWN_MESSAGE = {
    "AttributeError",
    "NotImplementedError",
    "StopIteration",
    "Exit",
    "failure",
}  # of Python, or of a command


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of a body that its readers may call."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def used_in(tree: ast.AST) -> set[str]:
    """Every name that code reads, and every string that could be one (`getattr`, tables of names)."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
    return found


def names_in_use() -> set[str]:
    code = [file for file in FILES if file.name != "__init__.py"]  # a list of what is offered is no use of it
    code += [file for place in ("scripts", "benchmarks", "book/_ext") for file in (ROOT / place).rglob("*.py")]
    code += (ROOT / "exercises").glob("*.py")
    found = set()
    for file in code:
        found |= used_in(ast.parse(file.read_text(encoding="utf-8")))
    for place in ("book", "exercises"):
        for file in (ROOT / place).rglob("*.ipynb"):
            if "_build" not in file.parts:
                cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
                found |= set(re.findall(r"\w+", "\n".join("".join(cell["source"]) for cell in cells)))
    return found


def test_every_public_function_is_used_or_is_kept_for_a_reason():
    used, offered = names_in_use(), set()
    for file in FILES:
        for node in public(ast.parse(file.read_text(encoding="utf-8")).body):
            if not any("command" in ast.unparse(way) or "callback" in ast.unparse(way) for way in node.decorator_list):
                offered.add(node.name)
            if isinstance(node, ast.ClassDef):
                offered |= {method.name for method in public(node.body)}
    assert len(offered) > 500
    assert offered - used == set(KEPT)


def raised(function: ast.FunctionDef) -> set[str]:
    """The names of the exceptions that a function raises itself, and of the checks that it has raise them."""
    nodes = list(ast.walk(function))
    calls = [node.exc for node in nodes if isinstance(node, ast.Raise) and node.exc is not None]
    names = [call.func if isinstance(call, ast.Call) else call for call in calls]
    found = {name.attr if isinstance(name, ast.Attribute) else name.id for name in names} - OWN_MESSAGE
    called = [node.func for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return found | {name.id for name in called if name.id.startswith("check_")}


def silent(tree: ast.Module) -> Iterator[str]:
    """Public functions and methods that raise where neither they nor their class say so."""
    for node in public(tree.body):
        if isinstance(node, ast.FunctionDef) and raised(node) and not SAYS.search(ast.get_docstring(node) or ""):
            yield node.name
        if isinstance(node, ast.ClassDef) and not SAYS.search(ast.get_docstring(node) or ""):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and (
                    not method.name.startswith("_") or method.name in ("__init__", "__call__")
                ):
                    if raised(method) and not SAYS.search(ast.get_docstring(method) or ""):
                        yield f"{node.name}.{method.name}"


@pytest.mark.parametrize("folder", sorted({file.parent for file in FILES}), ids=lambda path: path.name)
def test_what_raises_says_so(folder):
    found = {file.name: list(silent(ast.parse(file.read_text(encoding="utf-8")))) for file in folder.glob("*.py")}
    assert {name: names for name, names in found.items() if names} == {}


def test_a_function_that_says_nothing_is_found():
    lines = ["def f():", "    raise ValueError('x')", "class A:", "    def g(self):", "        raise KeyError"]
    lines += [
        "    def h(self):",
        "        raise NotImplementedError",
        "def told():",
        "    'Raises it.'",
        "    raise ValueError",
        "def checked(x):",
        "    return check_images(x)",
    ]
    assert list(silent(ast.parse("\n".join(lines)))) == ["f", "A.g", "checked"]


def shown_raw(text: str) -> Iterator[str]:
    """Marks of a docstring that its page would show as they are: stars around words, code joined to what is before."""
    prose = re.split(r"`+[^`]*`+", text)
    for piece in prose:
        yield from re.findall(r"(?<![\w*])\*\*[A-Za-z][^*]*\*\*(?![\w*])", piece)
    yield from (f"{piece[-1]}`" for piece in prose[:-1] if re.search(r"[\w^]\Z", piece))


def test_no_docstring_shows_its_markup():
    assert list(shown_raw("**bold**, C^`power`, 2 ** k, `a**b**c`")) == ["**bold**", "^`"]
    found = []
    for file in FILES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        for node in (node for node in ast.walk(tree) if isinstance(node, kinds)):
            found += [f"{file.name}: {mark}" for mark in shown_raw(ast.get_docstring(node) or "")]
    assert found == []
