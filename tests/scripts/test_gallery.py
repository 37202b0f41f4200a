"""The gallery's recipes are short, and each runs with the page's first cell alone."""

from __future__ import annotations

import ast
import builtins
import json
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "book" / "appendices" / "gallery.ipynb"
CELLS = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
HEADING = re.compile(r"(\([\w-]+\)=\n)?## ")


def sections() -> list[list[str]]:
    """The code below each heading, the page's first cell alone at the front."""
    found: list[list[str]] = [[]]
    for cell in CELLS:
        if HEADING.match("".join(cell["source"])):
            found.append([])
        if cell["cell_type"] == "code":
            found[-1].append("".join(cell["source"]))
    return found


(FIRST,), *OWN, LAST = sections()  # at the end stands the claim about all of them
RECIPES, FIGURES = [own[0] for own in OWN], [own[1] for own in OWN]


def names(text: str, kind: type) -> set[str]:
    found = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}
    if kind is ast.Store:
        nodes = list(ast.walk(ast.parse(text)))
        found |= {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)} | {
            n.arg for n in nodes if isinstance(n, ast.arg)
        }
        imports = [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom)]
        found |= {(alias.asname or alias.name).split(".")[0] for n in imports for alias in n.names}
    return found


def test_each_recipe_has_a_heading_a_chapter_and_a_figure():
    headings = [cell for cell in CELLS if HEADING.match("".join(cell["source"]))][:-1]
    assert len(headings) == len(OWN) >= 7 and "drl.claim(" in LAST[-1]
    assert all("{doc}`chapter " in "".join(cell["source"]) for cell in headings)
    assert all("compare(" in figure or "figures.show(" in figure for figure in FIGURES)
    folded = {"hide-input", "nbval-check-output"}
    more = [cell for cell in CELLS if any("".join(cell["source"]) in own[2:] for own in OWN)]
    assert all(folded & set(cell["metadata"].get("tags", [])) for cell in more)  # what measures a sentence


@pytest.mark.parametrize("recipe", RECIPES)
def test_ten_lines_at_most(recipe):
    assert 3 <= len([line for line in recipe.splitlines() if line.strip()]) <= 10
    assert "found = " in recipe


@pytest.mark.parametrize(("recipe", "figure"), list(zip(RECIPES, FIGURES, strict=True)))
def test_a_recipe_needs_the_first_cell_and_no_other(recipe, figure):
    known = names(FIRST, ast.Store) | set(dir(builtins))
    assert names(recipe, ast.Load) <= known | names(recipe, ast.Store)
    assert names(figure, ast.Load) <= known | names(recipe, ast.Store) | names(figure, ast.Store)
