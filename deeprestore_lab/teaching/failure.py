"""How a command says that it failed."""

import typer


def failure(text: str) -> typer.Exit:
    """Write `text` on the error stream; what is returned, raised, ends the command with status 1."""
    typer.echo(text, err=True)
    return typer.Exit(1)
