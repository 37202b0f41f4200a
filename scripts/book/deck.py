"""A lecture's slides from a chapter: its headings, formulas, questions and figures, and no code."""

from __future__ import annotations

import re

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from scripts.book.chapters import VIEW

FORMULA = re.compile(r"\$\$.+?\$\$|\\begin\{(align|equation|gather)(\*?)\}.+?\\end\{\1\2\}", re.DOTALL)
HEADING = re.compile(r"^(#{1,3}) +(.+?) *$", re.MULTILINE)
ASKED = re.compile(r'<div class="drl-ask">(.+?)</div>', re.DOTALL)
ROLE = re.compile(r"\{[\w:-]+\}`([^`<]*?)(?: *<[^`>]*>)?`")
SKIPPED = ("Your own picture", "Exercises", "What to read", "Further reading", "Read on")


def deck(chapter: NotebookNode) -> NotebookNode:
    """The notebook of the slides: a heading to the right, what belongs to it below it, each figure on its own.

    A heading without a formula shares its slide with the first figure or question.

    Figures are outputs with HTML or slider figures; what claims measured, text and cells that say they are for the
    reader's own picture are left out. A section without formula, question or figure gives no slide.
    """
    cells: list[NotebookNode] = []
    for title, level, parts in _sections(chapter):
        if any(title.startswith(each) for each in SKIPPED) or not (parts or level == 1):
            continue
        formulas = [part for kind, part in parts if kind == "formula"]
        head = new_markdown_cell("\n\n".join([f"{'#' * min(level, 2)} {title}", *formulas[:2]]))
        cells.append(_marked(head, "slide"))
        rest = [part for part in parts if part[0] != "formula"]
        rest += [("formula", each) for each in formulas[2:]]
        for place, (kind, part) in enumerate(rest):
            shown = _figure(part) if kind == "figure" else new_markdown_cell(part)
            cells.append(_marked(shown, "subslide" if formulas or place else "-"))
    made = new_notebook(cells=cells, metadata=chapter.metadata)
    made.metadata["title"] = _title(chapter)
    return made


def _title(chapter: NotebookNode) -> str:
    return HEADING.search(chapter.cells[0].source)[2]


def _sections(chapter: NotebookNode) -> list[tuple[str, int, list]]:
    """Each heading with its level and its parts in order: pairs of "formula", "asked" or "figure" and what it is."""
    found: list[tuple[str, int, list]] = []
    for cell in chapter.cells:
        if cell.cell_type == "markdown":
            pieces = HEADING.split(_without_code(cell.source))
            _texts(found, pieces[0])
            for hashes, title, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
                found.append((_plain(title), len(hashes), []))
                _texts(found, text)
        elif cell.cell_type == "code" and found:
            found[-1][2].extend(("figure", output) for output in cell.outputs if _is_figure(output))
    return found


def _texts(found: list, text: str) -> None:
    """Add the formulas and questions of a text to the section it stands in."""
    if not found:
        return
    asked = ASKED.findall(text)
    for formula in FORMULA.finditer(ASKED.sub("", text)):
        found[-1][2].append(("formula", formula[0]))
    found[-1][2].extend(("asked", f'<div class="drl-ask">{_plain(each)}</div>') for each in asked)


def _without_code(text: str) -> str:
    return re.sub(r"^(`{3,}).*?^\1`*$", "", text, flags=re.DOTALL | re.MULTILINE)


def _plain(text: str) -> str:
    """A text without roles of the book, which only Sphinx knows: {doc}`chapter 3 <x>` is chapter 3."""
    return ROLE.sub(r"\1", text)


def _is_figure(output: NotebookNode) -> bool:
    data = output.get("data", {})
    html = str(data.get("text/html", ""))
    return VIEW in data or '<figure class="drl-figure">' in html and not html.startswith("<noscript>")


def _figure(output: NotebookNode) -> NotebookNode:
    cell = new_code_cell("", execution_count=1, outputs=[output])
    cell.outputs[0].data.pop("text/plain", None)
    return cell


def _marked(cell: NotebookNode, kind: str) -> NotebookNode:
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell
