"""Compare a class's table of marks with another one of it: with the truth of a pretended class, or a run elsewhere."""

import csv
from pathlib import Path

BESIDE = ("name", "file", "note")  # columns that no mark depends on


def compared(truth: Path, marks: Path) -> list[str]:
    """Where `marks` is another table than `truth`: student, column and both cells, one line each; none where equal.

    Both are files like `marks.csv`. Raises `ValueError` for a file that is none.
    """
    wanted, got = _table(truth), _table(marks)
    lines = [f"{student}: in {place.name} alone" for place, a, b in ((truth, wanted, got), (marks, got, wanted))
             for student in a if student not in b]  # fmt: skip
    for student in (each for each in wanted if each in got):
        columns = dict.fromkeys([*wanted[student], *got[student]])
        pairs = [(c, wanted[student].get(c), got[student].get(c)) for c in columns if c not in BESIDE]
        lines += [
            f"{student}: {column}: {a!r} in {truth.name}, {b!r} in {marks.name}" for column, a, b in pairs if a != b
        ]
    return lines


def _table(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from None
    if not rows or not {"id", "state", "score"} <= set(rows[0]):
        raise ValueError(f"{path} is no table of marks: a CSV file with the columns id, state and score is wanted")
    return {row["id"]: row for row in rows}
