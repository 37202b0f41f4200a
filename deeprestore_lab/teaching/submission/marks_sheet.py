"""The sheet to mark the project exercise in: a column for each step's code and report, and for each question."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from deeprestore_lab.teaching.exercises.class_table import plain


def columns(task: str) -> list[tuple[str, float]]:
    """Columns and their points, read from the text of TASK.md: half of a step for the code, half for the report.

    >>> columns("**1. Train (10 points).** Do it.\\n1. *Why?* (2)")
    [('1 Train: code', 5.0), ('1 Train: report', 5.0), ('Q1 Why?', 2.0)]
    """
    found = []
    for number, title, points in re.findall(r"^\*\*(\d+)\. ([^*]+?) \((\d+) points\)\.\*\*", task, re.MULTILINE):
        found += [(f"{number} {title}: {part}", int(points) / 2) for part in ("code", "report")]
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
