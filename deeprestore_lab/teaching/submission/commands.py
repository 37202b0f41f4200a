"""`python -m deeprestore_lab submission`: build an archive to hand in, and check one that was handed in."""

from pathlib import Path
from typing import Annotated

import typer

from deeprestore_lab.teaching.failure import failure

PROJECT, SOLVED = (
    Path("exercises", *parts) for parts in (["project_latent_prior"], ["solutions", "project_latent_prior"])
)
app = typer.Typer(help="The project exercise: build the archive to hand in, check archives.", no_args_is_help=True)


@app.command("build")
def build(
    ids: Annotated[tuple[str, str], typer.Option(help="the IDs of both students: 4 to 16 letters a to z and digits")],
    folder: Annotated[Path, typer.Option(help="where main.py, README.md and report.typ or ex3.pdf are")] = Path("."),
    out: Annotated[Path | None, typer.Option(help="where the archive goes; the folder itself, if not given")] = None,
) -> None:
    """Make ex3_ID1_ID2.zip from a folder; where something is missing, say what, and write none (status 1)."""
    from deeprestore_lab.teaching.submission import Refused, build, page_count
    from deeprestore_lab.teaching.submission.names import REPORT
    from deeprestore_lab.teaching.submission.refusals import quoted

    for place in (folder, out):
        if place is not None and not place.is_dir():
            raise failure(f"no such folder: {place}")
    try:
        built = build(ids, folder=folder, out=out)
    except Refused as refused:
        raise failure(f"{refused}\nNo archive was written.") from refused
    except OSError as error:
        raise failure(f"The archive could not be written: {error}") from error
    for name in built.left_out:
        typer.echo(f"left out: {quoted(name)}")
    typer.echo(f"{REPORT}: pages: {page_count((folder / REPORT).read_bytes())}")
    typer.echo(f"{built.path}: {len(built.names)} files, {built.path.stat().st_size / 1e6:.1f} MB")


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="the archive, ex3_ID1_ID2.zip, or a folder of them")],
    run: Annotated[bool, typer.Option("--run", help="run its main.py afterwards, confined")] = False,
    roster: Annotated[
        Path | None, typer.Option(help="the students, a CSV file with the columns `id,name`; others are refused")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="with --run: the time it may take")] = 600.0,
    memory: Annotated[float, typer.Option(min=0.1, help="with --run: the memory it may take, in GB")] = 4.0,
    keep: Annotated[Path | None, typer.Option(help="with --run: a new folder for what it leaves")] = None,
    sheet: Annotated[Path | None, typer.Option(help="of a folder: write a sheet to mark in, a CSV file")] = None,
    project: Annotated[Path, typer.Option(help="of a folder: what was handed out, with TASK.md")] = PROJECT,
    solution: Annotated[Path, typer.Option(help="of a folder: a solution to compare with")] = SOLVED,
) -> None:
    """Say what is wrong with an archive, without unpacking it; status 1 where it is refused, or its code fails.

    Of a folder of archives: one table, with pages, who is missing, and how alike their code is.
    """
    from deeprestore_lab.teaching.roster import RosterError, read_roster
    from deeprestore_lab.teaching.submission import Limits, Refused, try_out
    from deeprestore_lab.teaching.submission.confinement import why_not
    from deeprestore_lab.teaching.submission.folder_table import show_folder
    from deeprestore_lab.teaching.submission.inspection import opened, pages_of

    try:
        ids = None if roster is None else read_roster(roster)
    except RosterError as error:
        raise failure(str(error)) from error
    if file.is_dir():
        if run or keep is not None:
            raise failure("--run and --keep are for one archive: name it in place of the folder")
        try:
            lines, refused = show_folder(file, roster=ids, sheet=sheet, project=project, solution=solution)
        except (ImportError, OSError, ValueError) as error:
            raise failure(str(error)) from error
        typer.echo("\n".join(lines))
        if refused:
            raise failure(f"refused: {refused}")
        return
    try:
        pages = pages_of(opened(file, ids=ids))
    except Refused as refused:
        raise failure(f"{refused}\nrefused") from refused
    typer.echo(f"accepted, pages: {pages}")
    if run:
        if keep is not None and keep.exists():
            raise failure(f"{keep} is there already: name a new folder")
        if reason := why_not():
            typer.echo(f"{reason}: nothing keeps its code from your files and the network", err=True)
        try:
            trial = try_out(file, limits=Limits(seconds=seconds, memory=int(memory * 1e9)), keep=keep)
        except (Refused, OSError) as error:
            raise failure(f"it could not be run: {error}") from error
        _show(trial)
        if (trial.outcome.end, trial.outcome.status) != ("ended", 0):
            raise typer.Exit(1)


def _show(trial) -> None:
    from deeprestore_lab.teaching.submission.refusals import printable, quoted

    outcome = trial.outcome
    typer.echo("".join(f"  | {line}\n" for line in printable(outcome.output).splitlines()), nl=False)
    for name, size in sorted(trial.made.items())[:100]:
        typer.echo(f"made: {quoted(name)}, {size} bytes")
    for what, why in outcome.possible.items():
        typer.echo(f"confined: {what}" if not why else f"NOT confined: {what}: {why}")
    how = (
        f"status {outcome.status}" if outcome.end == "ended" else f"stopped, it went beyond its limit of {outcome.end}"
    )
    typer.echo(f"main.py: {how}, {outcome.seconds:.1f} s, {outcome.memory / 1e6:.0f} MB at most")
