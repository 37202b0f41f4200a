"""What a class's grading gave, task by task: marks from nbgrader's gradebook, words from the checks."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deeprestore_lab.course.exercises.keys import Key
from deeprestore_lab.teaching.exercises.class_grading import ClassGrader
from deeprestore_lab.teaching.exercises.source import Source, text_of

RIGHT, BLANK, OTHER, SILENT = "right", "not written", "wrong in another way", "the check did not run"


@dataclass
class Row:
    """One student: the state of what came, marks by task (none where nothing was graded), what each check said."""

    student: str
    name: str
    state: str
    why: str = ""
    file: str = ""
    note: str = ""
    marks: dict[str, float] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)

    @property
    def score(self) -> float | None:
        """The sum of the marks; None where nothing was graded, which is no zero."""
        return sum(self.marks.values()) if self.state == "graded" else None


def read_marks(grader: ClassGrader, students: Sequence[str]) -> dict[str, dict[str, float]]:
    """The marks in nbgrader's gradebook by student and task, those that a person gave by hand included."""
    from nbgrader.api import Gradebook, MissingEntry

    found: dict[str, dict[str, float]] = {}
    with Gradebook(grader.config.CourseDirectory.db_url, grader.config.CourseDirectory.course_id) as book:
        for student in students:
            try:
                grades = book.find_submission_notebook(grader.name, grader.name, student).grades
            except MissingEntry:
                continue
            found[student] = {grade.name.removeprefix("check_"): float(grade.score) for grade in grades}
    return found


def read_found(path: Path, key: Key) -> tuple[dict[str, str], tuple[str, ...]]:
    """What each check of a graded notebook found, `RIGHT` or a misconception's name or other; the answers' texts."""
    found, answers = dict.fromkeys(key.tasks, SILENT), []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        grader = cell["metadata"].get("nbgrader", {})
        if grader.get("solution"):
            answers.append(text_of(cell))
        task = str(grader.get("grade_id", "")).removeprefix("check_")
        if grader.get("grade") and task in key.tasks:
            said = next((out["evalue"] for out in cell["outputs"] if out["output_type"] == "error"), "")
            found[task] = judged(said, task, key)
    return found, tuple(answers)


def judged(said: str, task: str, key: Key) -> str:
    """The kind of answer that a check's words mean; an empty text is that of a right answer."""
    if not said:
        return RIGHT
    for wrong in key.tasks[task].misconceptions:
        if said.startswith(f"{task}: your answer {wrong.name}. "):
            return wrong.name
    if said.startswith(f"{task}: not written yet"):
        return BLANK
    return SILENT if "the check did not run" in said else OTHER


def counted(rows: Sequence[Row], source: Source) -> dict[str, Counter]:
    """How many students each kind of answer has, task by task."""
    return {task.name: Counter(row.found[task.name] for row in rows if row.found) for task in source.tasks}


def same_answers(answers: Mapping[str, tuple[str, ...]], *, blank: tuple[str, ...]) -> dict[str, str]:
    """Whose answers are the same to the letter as whose; answers that nobody wrote, `blank`, are nobody's."""
    by_text: dict[tuple[str, ...], list[str]] = {}
    for student, texts in answers.items():
        if texts != blank:
            by_text.setdefault(texts, []).append(student)
    groups = [group for group in by_text.values() if len(group) > 1]
    return {
        each: "answers equal to those of " + ", ".join(o for o in group if o != each)
        for group in groups
        for each in group
    }


def csv_text(rows: Sequence[Row], source: Source) -> str:
    """The table for a spreadsheet: a mark for each task, empty where nothing was graded, and what the check found."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    tasks = [task.name for task in source.tasks]
    write(["id", "name", "state", "score", "of", *tasks, *(f"{task}: found" for task in tasks), "file", "note"])
    most = sum(task.points for task in source.tasks)
    for row in rows:
        marks = [f"{row.marks[task]:g}" if row.score is not None and task in row.marks else "" for task in tasks]
        score = "" if row.score is None else f"{row.score:g}"
        said = [row.found.get(task, "") for task in tasks]
        cells = [row.student, row.name, row.state, score, f"{most:g}", *marks, *said, row.file]
        write([plain(cell) for cell in [*cells, "; ".join(filter(None, [row.note, row.why]))]])
    return out.getvalue()


def plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> plain("=1+1"), plain("Ada")
    ("'=1+1", 'Ada')
    """
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
