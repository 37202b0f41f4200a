"""A class that is made up, to try grading with: notebooks as they come back, a roster, and the marks they deserve."""

import csv
import io
import json
import random
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.teaching.exercises.build import Course
from deeprestore_lab.teaching.exercises.class_run import NOTHING
from deeprestore_lab.teaching.exercises.class_table import BLANK, RIGHT, Row, csv_text
from deeprestore_lab.teaching.exercises.source import Source, SourceError, read_source
from deeprestore_lab.teaching.exercises.student import student_text
from deeprestore_lab.teaching.exercises.wrong_answers import right_cell, wrong_cells
from deeprestore_lab.teaching.roster import words

FIRST = "Ada Ben Chloé Dana Emre Fatou Grace Hiro Inés Jonas Karla Liam Mei Noor Olu Paweł Rosa Sami Tova Zoë".split()
LAST = "Abel Byrne Çelik Diaz Eriksen Fischer Gauß Haddad Ito Jensen Kovač Lindqvist Moreau Nguyen O'Neill".split()
NAMELESS = "without a name"
STATES = {NAMELESS: NOTHING, "late": "graded"}  # of the others their own word
TROUBLES = ("time-out", "damaged", "late", NOTHING, "several", "kernel died", NAMELESS)
EACH = 4  # every so many students one has a trouble, in turn
SHARES = {RIGHT: 5, "wrong": 4, BLANK: 1}
ENDS = {"time-out": "while True:\n    pass\n", "kernel died": "import os\n\nos._exit(1)\n"}


def pretend(folder: Path, name: str, *, course: Course, students: int = 30, seed: int = 0) -> list[Row]:
    """Write `came_back/`, `late/`, `students.csv` and `truth.csv`, and return the table that grading should give.

    Each answer is the solution, a misconception of the source, or left open. One student of four has a trouble of
    `TROUBLES`: an endless loop, a file cut short, nothing at all. Files have the names that browsers and learning
    platforms give them. What is in `late/` belongs into `came_back/` after the first call; `truth.csv`, in the format
    of `marks.csv`, holds for all of it. The same numbers give the same class; the roster depends on the seed alone.

    Raises `SourceError` where there is no such source, or no misconception of a task can be lifted out of it;
    `ValueError` for a number of students that is none, and a folder with something in it.
    """
    if not 1 <= students <= len(FIRST) * len(LAST):
        raise ValueError(f"a class has 1 to {len(FIRST) * len(LAST)} students, got {students!r}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} has something in it: name a new folder")
    if not course.source(name).is_file():
        raise SourceError(f"there is no source {course.source(name)}; found: {', '.join(course.names())}")
    source, roster = read_source(course.source(name)), _roster(students, seed)
    answers = {task.name: {RIGHT: right_cell(source, task)} | wrong_cells(source, task) for task in source.tasks}
    draw = random.Random(f"{seed} {name}")
    turn, rows = draw.randrange(len(TROUBLES)), []
    for place in ("came_back", "late"):
        (folder / place).mkdir(parents=True)
    for number, (student, full) in enumerate(roster.items()):
        trouble = TROUBLES[(turn + number // EACH) % len(TROUBLES)] if number % EACH == EACH - 1 else ""
        found = {task: _drawn(draw, list(cells)[1:]) for task, cells in answers.items()}
        data = _notebook(source, {task: answers[task].get(kind) for task, kind in found.items()}, trouble)
        for file, content in _files(student, full, name, data, trouble=trouble, number=number):
            path = folder / ("late" if trouble == "late" else "came_back") / file
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        rows.append(Row(student, full, STATES.get(trouble, trouble) or "graded", note=trouble))
        if rows[-1].state == "graded":
            rows[-1].found = found
            rows[-1].marks = {task.name: task.points * (found[task.name] == RIGHT) for task in source.tasks}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("id", "name"), *roster.items()])
    write_whole(folder / "students.csv", text.getvalue().encode())
    write_whole(folder / "truth.csv", csv_text(rows, source).encode("utf-8-sig"))
    return rows


def _roster(students: int, seed: int) -> dict[str, str]:
    draw = random.Random(f"roster {seed}")
    names = draw.sample([f"{first} {last}" for first in FIRST for last in LAST], students)
    return dict(zip(map(str, draw.sample(range(10_000_000, 100_000_000), students)), names, strict=True))


def _drawn(draw: random.Random, wrong: list[str]) -> str:
    """One kind of answer: right, a misconception, or none."""
    (kind,) = draw.choices(list(SHARES), list(SHARES.values()))
    return draw.choice(wrong) if kind == "wrong" else kind


def _notebook(source: Source, answers: Mapping[str, str | None], trouble: str) -> bytes:
    """The student notebook with these texts in its gaps; a gap without one stays as it is."""
    notebook = json.loads(student_text(source))
    for task in source.tasks:
        if (text := answers[task.name]) is not None:
            notebook["cells"][task.solution_at]["source"] = text.splitlines(keepends=True)
    if trouble in ENDS:
        notebook["cells"][source.tasks[-1].solution_at]["source"] = ENDS[trouble].splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode()


def _files(
    student: str, full: str, name: str, data: bytes, *, trouble: str, number: int
) -> Iterator[tuple[str, bytes]]:
    """What comes back from a student: names of files with their contents."""
    first, last = full.split(" ", 1)
    ways = [
        f"{full}_{number}_assignsubmission_file/{name}.ipynb",
        f"{''.join(words(last + first))}_LATE_{number}_{name}-1.ipynb",
        f"{student}/{name} (1).ipynb",
        f"{student}_{name}.ipynb.txt",
        f"{student}/Untitled.ipynb",
        f"{first}-{last} {name}.json",
        f"{full}.zip",
    ]
    way = ways[number % len(ways)]
    if trouble == NAMELESS:
        yield f"{name} ({number}).ipynb", data
    elif trouble == "damaged":
        yield f"{student}/{name}.ipynb", data[: len(data) // 2]
    elif trouble != NOTHING:
        yield way, _zipped(name, data) if way.endswith(".zip") else data
    if trouble == "several":
        yield f"{student}/{name} (2).ipynb", data.replace(b'"cells"', b'"cells" ')  # as another program writes it


def _zipped(name: str, data: bytes) -> bytes:
    """A zip as macOS makes it, with a file of its own beside."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for inner, content in ((f"{name}/{name}.ipynb", data), (f"__MACOSX/{name}/._{name}.ipynb", b"\0\5\x16\7")):
            archive.writestr(zipfile.ZipInfo(inner, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
