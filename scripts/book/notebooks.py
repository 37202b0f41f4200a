"""Run one notebook: its outputs, or the sentence that says which cell did not end and why; and what it cost.

CPU seconds are those of the kernel and of the processes it started, asked of the system after every cell while the
kernel still lives. They do not depend on what else the machine does; the seconds on the wall do.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil  # ipykernel needs it, so it is there wherever a notebook can run
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

STARTUP_SECONDS = 180  # for a kernel to answer, on a busy machine
RUNNING: set[NotebookClient] = set()  # those whose kernels an interrupt has to end


class ChapterError(Exception):
    """A chapter did not run to its end; the message names the cell."""


@dataclass
class Cost:
    """What a notebook took, and its slowest cell (counted from 1 over all cells, text included)."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    slowest_cell: int = 0
    slowest_seconds: float = 0.0


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and of those it started, ended ones included where the system keeps their sum."""
    process = psutil.Process(pid)
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += sum(one.cpu_times()[:4])  # user, system, and both of ended children
        except psutil.NoSuchProcess:
            continue
    return total


def execute(notebook: nbformat.NotebookNode, *, folder: Path, limit: float, environment: dict[str, str]) -> Cost:
    """Run all code cells in place, in `folder`, each within `limit` seconds; what that cost.

    Raises `ChapterError` where a cell raises, runs past the limit or kills its kernel, or where no kernel answers.
    """
    began, cost, place, started = time.perf_counter(), Cost(), None, 0.0

    def starts(cell, cell_index):
        nonlocal place, started
        place, started = cell_index + 1, time.perf_counter()

    def ended(cell, cell_index, execute_reply):
        seconds = time.perf_counter() - started
        if seconds > cost.slowest_seconds:
            cost.slowest_cell, cost.slowest_seconds = cell_index + 1, seconds
        try:
            cost.cpu_seconds = cpu_seconds(client.km.provisioner.pid)
        except psutil.NoSuchProcess:
            pass  # the run ends with its own error

    client = NotebookClient(
        notebook,
        timeout=limit,
        startup_timeout=STARTUP_SECONDS,
        kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "python3"),
        extra_arguments=["--log-level=ERROR"],  # else ipykernel warns of each kernel that its port is not encrypted
        record_timing=False,  # it would be stored in the cells, and change what the cache knows them by
        on_cell_execute=starts,
        on_cell_executed=ended,
    )
    RUNNING.add(client)
    try:
        _in_a_thread(client, folder=folder, environment=environment)
    except (CellExecutionError, CellTimeoutError, DeadKernelError, NoSuchKernel, RuntimeError) as error:
        raise ChapterError(_sentence(error, notebook, place, limit, time.perf_counter() - started)) from error
    finally:
        RUNNING.discard(client)
    cost.seconds = time.perf_counter() - began
    return cost


def _in_a_thread(client: NotebookClient, *, folder: Path, environment: dict[str, str]) -> None:
    """Execute away from the main thread, where nbclient would take Ctrl-C for a kernel that died."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        run = pool.submit(client.execute, cwd=str(folder), env=environment)
        try:
            run.result()
        except KeyboardInterrupt:
            end_all()
            raise


def end_all() -> None:
    """Kill the kernels of all notebooks that are running: each run sees that and ends."""
    for client in list(RUNNING):
        pid = getattr(getattr(client.km, "provisioner", None), "pid", None)
        if pid is not None:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()


def unfinished(notebook: nbformat.NotebookNode) -> list[int]:
    """The code cells that were not run to their end, counted from 1 over the cells given; empty ones are never run."""
    return [
        place
        for place, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "code"
        and cell.source.strip()
        and (cell.execution_count is None or any(output.output_type == "error" for output in cell.outputs))
    ]


def _sentence(error: Exception, notebook: nbformat.NotebookNode, place: int | None, limit: float, took: float) -> str:
    """What went wrong, with the cell's place and first line."""
    if place is None:
        return f"its kernel did not start: {error}"
    first = notebook.cells[place - 1].source.strip().splitlines()[0]
    where = f"cell {place} (`{first[:80]}`)"
    if isinstance(error, CellTimeoutError):
        return f"{where} did not end within {limit:.0f} s, the limit for one cell"
    if isinstance(error, DeadKernelError):
        return f"{where} lost its kernel after {took:.0f} s: it was killed, or memory ran out"
    if isinstance(error, CellExecutionError):
        return f"{where} raised {error.ename}: {error.evalue}\n{error.traceback}"
    return f"{where} failed: {error}"
