"""`python -m deeprestore_lab exercises grade`: a folder of what a class handed in becomes one table, and feedback."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from deeprestore_lab.teaching.failure import failure


def grade(
    came: Annotated[Path, typer.Argument(help="a folder of what came back: files, a folder a student, or zips")],
    exercise: Annotated[str, typer.Option(help="the exercise, `10_map`")],
    roster: Annotated[Path, typer.Option(help="the students: a CSV file with the columns `id,name`")],
    folder: Annotated[
        Path, typer.Option(help="the course: nbgrader_config.py and source/NAME/NAME.ipynb lie in it")
    ] = (Path("exercises")),
    out: Annotated[Path | None, typer.Option(help="for the tables; results/NAME in the course, if not given")] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="notebooks at once; one a core")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="run the notebooks on a Dask cluster: its address, tcp://HOST:8786")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=1, help="seconds a cell; nbgrader_config.py's, if none")] = None,
    again: Annotated[bool, typer.Option("--again", help="run those that have no mark once more")] = False,
) -> None:
    """Sort, run and mark what a class handed in; a second call grades what is new. Status 1 where a person is needed.

    The marks are in nbgrader's gradebook, a table in marks.csv and class.html, the feedback in feedback/STUDENT/NAME.
    """
    from deeprestore_lab.teaching.exercises.build import Course
    from deeprestore_lab.teaching.exercises.class_run import run
    from deeprestore_lab.teaching.exercises.environment import examine
    from deeprestore_lab.teaching.exercises.source import GradingError, SourceError
    from deeprestore_lab.teaching.roster import RosterError, read_roster

    if not came.is_dir():
        raise failure(f"no such folder: {came}")
    course, started, before = Course(folder), time.monotonic(), os.times()
    try:
        students = read_roster(roster)
        examine(course.source(exercise))
        found = run(
            came,
            exercise,
            course=course,
            students=students,
            out=out,
            jobs=jobs,
            scheduler=scheduler,
            timeout=timeout,
            again=again,
            say=typer.echo,
        )
    except (RosterError, SourceError, GradingError) as error:
        raise failure(str(error)) from error
    after = os.times()
    cpu = found.seconds + sum(after[:2]) - sum(before[:2])
    each = f", {cpu / found.ran:.1f} CPU s a notebook" if found.ran else ""
    typer.echo(f"{found.ran} notebooks run in {time.monotonic() - started:.0f} s{each}")
    for path in found.files:
        typer.echo(f"wrote {os.path.relpath(path)}")
    if found.problems:
        raise failure("\n".join(["To be settled by a person:", *found.problems]))
