"""Tables of numbers and words, as one HTML figure with a caption."""

from collections.abc import Sequence
from html import escape

from deeprestore_lab.course.figures.rows import Figure, figure_html

Cell = str | int | float


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

    Floats are shown with `digits` places, other cells as they are. `see` says what there is to notice. The
    alternative text is the table itself, row by row. On a page of the book a `sortable` table has a button in each
    heading, whose first press puts the largest first, or the smallest where `smaller_is_better`. Raises `ValueError`
    for no rows, a row that does not have one cell for each column, or a column without a heading: who hears the page
    needs each.

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
    ascending = ' class="drl-ascending"' if smaller_is_better else ""
    head = "".join(f'<th scope="col"{ascending}>{escape(name)}</th>' for name in columns)
    body = "".join(
        f"<tr>{_heading(first)}{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>" for first, *rest in texts
    )
    kind = "drl-table drl-sortable" if sortable else "drl-table"
    html = f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    html = f'<div class="drl-scroll" style="overflow-x:auto">{html}</div>'  # the table scrolls, not the page
    return Figure(figure_html(html, see=see), text="; ".join(", ".join(row) for row in [list(columns), *texts]))


def _heading(first: str) -> str:
    """The first cell of a row; an empty one, of a row that belongs to the one above, heads nothing."""
    return f'<th scope="row">{escape(first)}</th>' if first.strip() else "<td></td>"


def _text(cell: Cell, digits: int) -> str:
    cell = cell.item() if hasattr(cell, "item") else cell  # NumPy's numbers
    return f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell)
