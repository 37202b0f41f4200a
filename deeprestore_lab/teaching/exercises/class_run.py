"""From a folder of what came back to marks, tables and feedback; what was done before is not done again."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.course.exercises.keys import Key, read_key
from deeprestore_lab.teaching.exercises import class_page, class_table
from deeprestore_lab.teaching.exercises.apart import Done, Job, run_job
from deeprestore_lab.teaching.exercises.build import Course
from deeprestore_lab.teaching.exercises.class_grading import ClassGrader
from deeprestore_lab.teaching.exercises.class_state import Graded, alone, digest, read_state, write_state
from deeprestore_lab.teaching.exercises.class_table import Row
from deeprestore_lab.teaching.exercises.handed_in import named_cells
from deeprestore_lab.teaching.exercises.on_cluster import workers_of
from deeprestore_lab.teaching.exercises.sorting import Sorted, sort
from deeprestore_lab.teaching.exercises.source import starter, text_of
from deeprestore_lab.teaching.submission.confinement import why_not

NOTHING = "nothing handed in"


@dataclass(frozen=True)
class Found:
    """How many notebooks ran, their CPU seconds, the files written, the table, and what only a person can settle.

    The seconds of a notebook that was stopped from outside are not among them.
    """

    ran: int
    seconds: float
    files: list[Path]
    rows: list[Row]
    problems: list[str]


def run(
    came: Path,
    name: str,
    *,
    course: Course,
    students: Mapping[str, str],
    jobs: int | None = None,
    scheduler: str | None = None,
    out: Path | None = None,
    timeout: float | None = None,
    again: bool = False,
    say: Callable[[str], None] = print,
) -> Found:
    """Sort the files of `came` to the students, grade what is new, and write marks.csv and class.html into `out`.

    `students` are names by ID. What was graded before, from the same file and the same source, keeps its mark; what
    had none is run again with `again`, or with another `timeout`. `jobs` notebooks run at once, one a core if not
    given, in confined processes of this machine; with `scheduler`, "tcp://HOST:8786", on the workers of a Dask
    cluster, as many as they take. Raises `GradingError` and `SourceError` where the course cannot grade the exercise.
    """
    grader, key = ClassGrader(course, name, timeout=timeout), read_key(course.key(name))
    out = out or grader.root / "results" / name
    things = sort(came, name=name, ids=named_cells(course.source(name)), roster=students)
    state_file = out / "state.json"
    with alone(grader.root):  # what lies in `submitted/`, the gradebook, the feedback and the tables
        state = read_state(state_file)
        grader.assign()
        todo = {}
        for student, data in things.notebooks.items():
            old = state.get(student)
            sum_ = grader.put(student, data, came=old["came"] if old else "")
            if old is None or _is_new(old["graded"], sum_, grader.timeout, again):
                todo[student] = sum_
        say(f"{name}: {len(things.notebooks)} notebooks of {len(students)} students, {len(todo)} to grade")
        count = 0

        def each(student: str, graded: Graded) -> None:
            nonlocal count
            count += 1
            state[student] = {"came": digest(things.notebooks[student]), "graded": graded}
            write_state(state_file, state)
            say(f"{count}/{len(todo)} {student}: {graded.state}")

        if todo:
            with _runner(scheduler, say) as (by, slots):
                grader.grade(todo, jobs=jobs or slots, each=each, by=by)
        for student, (_, why) in things.refused.items():
            grader.notice(student, why)
        rows = _rows(grader, things, state, students, key)
        where = os.path.relpath(grader.root / "feedback", out) + f"/{{}}/{name}/{name}.html"
        page = class_page.page_text(rows, grader.source, unsorted=things.unsorted, beside=things.beside, feedback=where)
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "marks.csv", class_table.csv_text(rows, grader.source).encode("utf-8-sig"))
        write_whole(out / "class.html", page.encode())
    problems = [f"{place}: {why}" for place, why in things.unsorted.items()]
    problems += [f"{row.student}: {row.state}: {row.why}" for row in rows if row.why]
    return Found(len(todo), sum(grader.spent), [out / "marks.csv", out / "class.html"], rows, problems)


@contextmanager
def _runner(scheduler: str | None, say: Callable[[str], None]) -> Iterator[tuple[Callable[[Job], Done], int]]:
    """What runs a notebook, and how many at once. Each machine that keeps nothing apart is named, once."""
    told: set[str] = set()

    def tell(machine: str, reason: str) -> None:
        if reason and machine not in told:
            told.add(machine)
            say(f"{machine}: {reason}: nothing keeps the students' code from its files and the network")

    if scheduler is None:
        tell("this machine", why_not())
        yield run_job, os.cpu_count() or 1
        return
    with workers_of(scheduler, tell=tell) as (by, slots):
        say(f"{slots} at once on the workers of {scheduler}")
        yield by, slots


def _is_new(old: Graded, sum_: str, timeout: float, again: bool) -> bool:
    if old.digest != sum_:
        return True
    return old.state != "graded" and (again or old.timeout != timeout)


def _rows(grader: ClassGrader, things: Sorted, state: Mapping, students: Mapping[str, str], key: Key) -> list[Row]:
    """A row for each student of the roster, in its order."""
    rows = {student: Row(student, name, NOTHING) for student, name in students.items()}
    for student, (kind, why) in things.refused.items():
        rows[student].state, rows[student].why = kind, why
    answers = {}
    for student in things.notebooks:
        row, graded = rows[student], state[student]["graded"]
        row.state, row.why, row.file = graded.state, graded.why, things.places[student]
        path = grader.place(student, "autograded") / f"{grader.name}.ipynb"
        if graded.state == "graded" and path.is_file():
            row.found, answers[student] = class_table.read_found(path, key)
    marks = class_table.read_marks(grader, [each for each, row in rows.items() if row.state == "graded"])
    for student, found in marks.items():
        rows[student].marks = found
    source = grader.source
    blank = tuple(starter(text_of(source.cells[task.solution_at])) for task in source.tasks)
    for student, note in class_table.same_answers(answers, blank=blank).items():
        rows[student].note = note
    return list(rows.values())
