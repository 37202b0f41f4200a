"""The sheet to mark the project exercise in: a column for each step's code and report, and for each question."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from deeprestore_lab.teaching.exercises.class_table import plain


def columns(task: str) -> list[tuple[str, float]]:
    """Columns and their points, read from the text of TASK.md: half of a step for the code, half for the report.

    A step whose list names parts with points has these columns for each part. Raises `ValueError` where the points of
    the parts are not those of their step.

    >>> columns("**1. Train (10 points).** Do it.\\n1. *Why?* (2)")
    [('1 Train: code', 5.0), ('1 Train: report', 5.0), ('Q1 Why?', 2.0)]
    >>> columns("**2. Use (9 points).** Now\\n- *Denoise (4 points).* A\\n- *Inpaint (5 points).* B")[1:3]
    [('2 Use, denoise: report', 2.0), ('2 Use, inpaint: code', 2.5)]
    """
    found = []
    steps = re.compile(r"^\*\*(\d+)\. ([^*]+?) \((\d+) points\)\.\*\*((?:(?!^\*\*\d|^## )[\s\S])*)", re.MULTILINE)
    for number, title, points, text in steps.findall(task):
        parts = re.findall(r"^- \*([^*]+?) \((\d+) points\)\.\*", text, re.MULTILINE)
        if parts and sum(int(each) for _, each in parts) != int(points):
            raise ValueError(f"step {number} has {points} points, its parts have {[int(each) for _, each in parts]}")
        names = [(f"{title}, {part.lower()}", each) for part, each in parts] or [(title, points)]
        found += [(f"{number} {name}: {half}", int(each) / 2) for name, each in names for half in ("code", "report")]
    for number, text, points in re.findall(r"^(\d+)\. ((?:(?!^\d+\. )[\s\S])*?) \((\d)\)$", task, re.MULTILINE):
        first = re.split(r"(?<=[.?:])\s", text.replace("*", ""))[0].rstrip(".:")
        found.append((f"Q{number} {first[:40].strip()}", float(points)))
    return found


def sheet_text(rows: Sequence[Mapping[str, str]], task: str) -> str:
    """The sheet as CSV: what is known of each archive, then an empty cell for each mark, and a sum of them.

    The second line has the points that can be had.
    """
    known, marks = list(rows[0]) if rows else [], columns(task)
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write([*known, *(name for name, _ in marks), "sum", "remarks"])
    points = [f"{each:g}" for _, each in marks]
    write(["points", *[""] * (len(known) - 1), *points, f"{sum(each for _, each in marks):g}", ""])
    first, last = len(known) + 1, len(known) + len(marks)
    for number, row in enumerate(rows, start=3):
        total = f"=SUM({letters(first)}{number}:{letters(last)}{number})"
        write([*map(plain, row.values()), *([""] * len(marks)), total, ""])
    return out.getvalue()


def letters(number: int) -> str:
    """The name of a column in a spreadsheet.

    >>> letters(1), letters(26), letters(27)
    ('A', 'Z', 'AA')
    """
    name = ""
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
