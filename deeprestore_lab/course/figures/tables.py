"""Tables of numbers and words, as one HTML figure with a caption."""

import re
from collections.abc import Sequence
from html import escape

from deeprestore_lab.course.figures.rows import Figure, figure_html

Cell = str | int | float

# Characters that are kept on one line: of a row's heading, of a cell of numbers, of one of words.
HEADING, NUMBERS, WORDS = 28, 20, 16
SIGNED_ZERO = r"(?<![\w.])[-+−](0\.0+)(?![\w.])"


def table(
    rows: Sequence[Sequence[Cell]],
    *,
    columns: Sequence[str],
    see: str,
    digits: int = 2,
    sortable: bool = False,
    smaller_is_better: bool = False,
) -> Figure:
    """A table with a heading over each column; the first cell of a row is its heading.

    Floats are shown with `digits` places, whole numbers from 10,000 on with a comma between thousands, other cells as
    they are; but what is rounded to zero has no sign, in words either: 0.00 for "-0.00 ± 0.01". Columns of numbers are
    set to the right (class `drl-n`). Cells stay on one line, but for long ones; those of numbers break before a bracket
    and after a comma. A table that is too wide scrolls. `see` says what there is to notice. The alternative text is the
    table itself, row by row. On a page of the book a `sortable` table has a button in each heading, whose first press
    puts the largest first, or the smallest where `smaller_is_better`. Raises `ValueError` for no rows, a row that does
    not have one cell for each column, or a column without a heading: who hears the page needs each.

    >>> table([["total variation", 26.268]], columns=["method", "PSNR"], see="One number.", digits=1)
    Figure: method, PSNR; total variation, 26.3
    """
    if not rows:
        raise ValueError("a table needs at least one row")
    if blank := [name for name in columns if not str(name).strip()]:
        raise ValueError(f"each column needs a heading that can be read out, got {blank[0]!r} among {list(columns)}")
    for row in rows:
        if isinstance(row, str) or len(row) != len(columns):
            raise ValueError(f"each row needs {len(columns)} cells ({', '.join(columns)}), got {row!r}")
    texts = [[_text(cell, digits) for cell in row] for row in rows]
    right = [place > 0 and _numeric([row[place] for row in texts]) for place in range(len(columns))]
    ascending = "drl-ascending" if smaller_is_better else ""
    head = "".join(
        f'<th{_side(n, ascending)} scope="col">{escape(name)}</th>' for name, n in zip(columns, right, strict=True)
    )
    body = "".join(f"<tr>{_heading(row[0])}{''.join(map(_cell, row[1:], right[1:]))}</tr>" for row in texts)
    kind = "drl-table drl-sortable" if sortable else "drl-table"
    html = (
        f'<table class="{kind}" style="white-space:nowrap"><thead style="white-space:normal">'
        f"<tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    html = f'<div class="drl-scroll" style="overflow-x:auto">{html}</div>'  # the table scrolls, not the page
    return Figure(figure_html(html, see=see), text="; ".join(", ".join(row) for row in [list(columns), *texts]))


def _heading(first: str) -> str:
    """The first cell of a row; an empty one, of a row that belongs to the one above, heads nothing."""
    return f'<th scope="row"{_wraps(len(first) > HEADING)}>{escape(first)}</th>' if first.strip() else "<td></td>"


def _cell(text: str, right: bool) -> str:
    wraps = len(text) > (NUMBERS if right else WORDS)
    text = re.sub(r"(?<!,) (?!\()", "\xa0", text) if right and wraps else text
    return f"<td{_side(right)}{_wraps(wraps)}>{escape(text)}</td>"


def _side(right: bool, other: str = "") -> str:
    kinds = " ".join(filter(None, ["drl-n" if right else "", other]))
    return f' class="{kinds}"' if kinds else ""


def _wraps(wraps: bool) -> str:
    return ' style="white-space:normal"' if wraps else ""


def _numeric(cells: Sequence[str]) -> bool:
    """Whether all cells of a column that are not empty begin with a number, or say "exact", and one is not empty."""
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and all(re.match(r"[-+−±<>~(]*\d|(inf|nan|–|exact)$", cell) for cell in filled)


def _text(cell: Cell, digits: int) -> str:
    cell = cell.item() if hasattr(cell, "item") else cell  # NumPy's numbers
    if isinstance(cell, float):
        cell = f"{cell:.{digits}f}"
    text = f"{cell:,}" if isinstance(cell, int) and abs(cell) >= 10_000 else str(cell)
    return re.sub(SIGNED_ZERO, r"\1", text)
