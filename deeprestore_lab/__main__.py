"""The command line: `python -m deeprestore_lab doctor`, `data`, `exercises`, `submission`."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deeprestore_lab.course.doctor import examine
from deeprestore_lab.teaching.exercises.grading_command import grade
from deeprestore_lab.teaching.exercises.pretend_command import compare, pretend
from deeprestore_lab.teaching.failure import failure
from deeprestore_lab.teaching.submission.commands import app as submission_app

app = typer.Typer(
    help="Image restoration with priors, from one equation.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Pictures, test sets and weights, in three tiers.", no_args_is_help=True)
app.add_typer(data_app, name="data")
exercises_app = typer.Typer(
    help="Exercises: build them from their sources, see whether they can be graded here, grade a class.",
    no_args_is_help=True,
)
exercises_app.command("grade")(grade)
exercises_app.command("pretend")(pretend)
exercises_app.command("compare")(compare)
app.add_typer(exercises_app, name="exercises")
app.add_typer(submission_app, name="submission")

Names = Annotated[list[str] | None, typer.Argument(help="names of exercises; all, if none")]
Folder = Annotated[Path, typer.Option(help="the course: source/NAME/NAME.ipynb lie in it")]
STYLES = {"ok": "green", "missing": "yellow", "broken": "bold red"}


@app.callback()
def plain_output() -> None:
    """Letters that the terminal cannot show become escapes: licences name people, archives hold anything."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@app.command()
def doctor() -> None:
    """Show versions, the device, threads and what each data tier offers; status 1 if something needed is broken."""
    findings = examine()
    table = Table("what", "state", "found", title="deeprestore_lab doctor", title_justify="left")
    for finding in findings:
        table.add_row(finding.topic, f"[{STYLES[finding.state]}]{finding.state}[/]", escape(finding.text))
    Console().print(table)
    if broken := [finding for finding in findings if finding.state == "broken"]:
        for finding in broken:
            typer.echo(f"broken: {finding.topic}: {finding.text}", err=True)
        raise typer.Exit(1)
    typer.echo("Everything that is needed works.")


@data_app.command("list")
def list_sources(
    licences: Annotated[bool, typer.Option("--licences", help="show each source's licence instead")] = False,
) -> None:
    """Show every source of data: its tier, whether it is here, its size and what it is, or its licence."""
    from deeprestore_lab import data

    try:
        sources = data.sources()
    except data.DataError as error:
        raise failure(str(error)) from error
    table = Table(box=SIMPLE, pad_edge=False)
    for column in ("name", "tier", "licence") if licences else ("name", "tier", "here", "MB", "what"):
        table.add_column(column, overflow="fold", justify="right" if column == "MB" else "left")
    for source in sources:
        here, size = "yes" if source.available else "no", f"{source.size / 1e6:.1f}" if source.size else ""
        cells = (source.licence,) if licences else (here, size, source.note)
        table.add_row(source.name, source.tier, *map(escape, cells))
    Console().print(table)


@data_app.command("fetch")
def fetch(name: Annotated[str, typer.Argument(help="a name of `data list`")]) -> None:
    """Download a source of the network tier (checked by its sum), or say where a local one lies."""
    from deeprestore_lab import data

    try:
        path = data.fetch(name)
    except data.DataError as error:
        raise failure(str(error)) from error
    typer.echo(f"{name}: {path}")


@exercises_app.command("build")
def build_exercises(names: Names = None, folder: Folder = Path("exercises")) -> None:
    """Make student notebooks, keys and pages from source notebooks; status 1 where a source does not allow it."""
    from deeprestore_lab.teaching.exercises.build import Course, build, write
    from deeprestore_lab.teaching.exercises.source import SourceError

    course = Course(folder)
    try:
        for name in names or course.names():
            changed = write(build(name, course=course))
            typer.echo(
                f"{name}: " + (f"wrote {', '.join(map(os.path.relpath, changed))}" if changed else "nothing changed")
            )
    except SourceError as error:
        raise failure(str(error)) from error


@exercises_app.command("doctor")
def examine_exercises(names: Names = None, folder: Folder = Path("exercises")) -> None:
    """Say whether this machine can grade exercises: their modules, their keys, nbgrader; status 1 if it cannot."""
    from deeprestore_lab.teaching.exercises.build import Course
    from deeprestore_lab.teaching.exercises.environment import GradingError, examine
    from deeprestore_lab.teaching.exercises.source import SourceError

    course = Course(folder)
    try:
        for name in names or course.names():
            examine(course.source(name))
            typer.echo(f"{name}: can be graded here")
    except (SourceError, GradingError) as error:
        raise failure(str(error)) from error


@exercises_app.command("mutate")
def mutate_exercises(names: Names = None, folder: Folder = Path("exercises")) -> None:
    """Change each solution in many small ways, and show which changes its check takes for right."""
    from deeprestore_lab.course.exercises.keys import read_key
    from deeprestore_lab.teaching.exercises.build import Course
    from deeprestore_lab.teaching.exercises.mutation import judge
    from deeprestore_lab.teaching.exercises.source import SourceError, read_source

    course, made, passed = Course(folder), 0, 0
    try:
        for name in names or course.names():
            key = read_key(course.key(name))
            for verdict in judge(read_source(course.source(name)), key, folder=course.source(name).parent):
                made, passed = made + verdict.made, passed + len(verdict.passing)
                counts = f"{verdict.recognised} of them recognised, {len(verdict.passing)} taken for right"
                typer.echo(f"{name}, {verdict.task}: {verdict.made} changed solutions, {counts}")
                for mutant in verdict.passing:
                    typer.echo(f"    line {mutant.line}: {mutant.now}")
    except (SourceError, OSError, ValueError) as error:
        raise failure(str(error)) from error
    typer.echo(
        f"{passed} of {made} taken for right. Look at each: the same function in other words, or a missing case?"
    )


@app.command()
def bench(
    method: Annotated[str, typer.Argument(help="FILE.py:FUNCTION, a function of a problem that gives the pictures")],
    tasks: Annotated[
        list[str] | None, typer.Option("--task", help="a task; give it again for more; all, if none")
    ] = None,
) -> None:
    """Run a restoration method of your own on the course's tasks, and rank it among the course's methods."""
    import runpy

    from deeprestore_lab.course.bench import compare

    path, _, function = method.rpartition(":")
    if not Path(path).is_file():
        raise failure(f"FILE.py:FUNCTION is wanted, and {path or method!r} is no file")
    names = runpy.run_path(path)
    if not callable(names.get(function)):
        raise failure(f"{path} defines no function {function!r}")
    try:
        found = compare(names[function], name=function, tasks=tasks)
    except ValueError as error:
        raise failure(str(error)) from error
    table = Table(box=SIMPLE, pad_edge=False)
    for column in ("task", "PSNR", "rank", "best of the others", "its PSNR"):
        table.add_column(column)
    for task in found.own:
        ranked = found.rows(task)
        best = next(row for row in ranked if row[0] != function)
        cells = (f"{dict(ranked)[function]:.2f}", f"{found.rank(task)} of {len(ranked)}", best[0], f"{best[1]:.2f}")
        table.add_row(task, *cells)
    Console().print(table)


if __name__ == "__main__":
    app(prog_name="python -m deeprestore_lab")
