"""`exercises pretend` and `exercises compare`: try grading on a class that is made up, before your own hands in."""

import os
from pathlib import Path
from typing import Annotated

import typer

from deeprestore_lab.teaching.failure import failure


def pretend(
    folder: Annotated[Path, typer.Argument(help="a new folder, for what came back, the roster and the truth")],
    exercise: Annotated[str, typer.Option(help="the exercise, `10_map`")],
    students: Annotated[int, typer.Option(min=1, max=300, help="how many")] = 30,
    seed: Annotated[int, typer.Option(help="another number gives another class")] = 0,
    course: Annotated[Path, typer.Option("--folder", help="the course: source/NAME/NAME.ipynb lie in it")] = Path(
        "exercises"
    ),
) -> None:
    """Make up a class to try grading with: solutions, wrong answers, gaps, files renamed, late or broken.

    `exercises grade` grades it, and `exercises compare` says whether each mark is right. Status 1 where it cannot.
    """
    from deeprestore_lab.teaching.exercises.build import Course
    from deeprestore_lab.teaching.exercises.pretended import pretend
    from deeprestore_lab.teaching.exercises.source import SourceError

    try:
        rows = pretend(folder, exercise, course=Course(course), students=students, seed=seed)
    except (SourceError, ValueError, OSError) as error:
        raise failure(str(error)) from error
    troubles = [row.note for row in rows if row.note]
    typer.echo(f"{exercise}: a class of {students}; troubles: {', '.join(sorted(troubles)) or 'none'}")
    for each in ("came_back", "late", "students.csv", "truth.csv"):
        typer.echo(f"wrote {os.path.relpath(folder / each)}")


def compare(
    truth: Annotated[Path, typer.Argument(help="truth.csv of a pretended class, or another table of marks")],
    marks: Annotated[Path, typer.Argument(help="marks.csv, which `exercises grade` wrote")],
) -> None:
    """Say where a table of marks is another than the truth: state, marks, what each check found; status 1 if it is."""
    from deeprestore_lab.teaching.exercises.class_comparison import compared

    try:
        differences = compared(truth, marks)
    except ValueError as error:
        raise failure(str(error)) from error
    if differences:
        raise failure("\n".join(differences))
    typer.echo("the tables agree: every state, every mark, and what each check found")
