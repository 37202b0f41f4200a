"""Run the book's notebooks once, before Sphinx reads them, and keep what they gave.

Sphinx would run them too, but calls a page up to date whose notebook it could not run, and shows the outputs stored
in git as if they had been measured. Here a chapter that fails ends the build. What ran to its end is kept in a cache
(jupyter-cache, the one Sphinx reads) with its seconds; what is in the cache without having ended is run again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.cache.db import NbCacheRecord

from scripts.book.notebooks import ChapterError, Cost, end_all, execute, unfinished
from scripts.book.places import Places, chapters

AT_ONCE = min(2, os.cpu_count() or 1)  # each computes with one thread; more would want more memory
CPU_LIMIT = 60  # CPU seconds of a chapter's kernel, see CONTRIBUTING.md
VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Chapter:
    """A notebook that ran to its end: what its page must show."""

    name: str
    stamp: str  # names this very execution; `book/_ext/executed.py` writes it into the page
    figures: list[str]  # the ids of the widgets it shows
    cost: Cost
    kept: bool  # whether it ran in an earlier build


def run_chapters(
    places: Places,
    *,
    limit: float,
    environment: dict[str, str],
    say: Callable[[str], None] | None = None,
) -> tuple[list[Chapter], dict[str, str]]:
    """Run every notebook that is not in the cache, two at a time; those that ended, and for the others what went wrong.

    Each chapter's seconds are said as it ends (printed, where `say` is None) and written to `places.seconds`. The cache
    is this thread's alone.
    """
    say = say or partial(print, flush=True)
    cache, paths = get_cache(str(places.executed)), chapters(places)
    found: dict[str, Chapter | str] = {name: _kept(cache, name, path) for name, path in paths.items()}
    for chapter in filter(None, found.values()):
        say(_line(chapter))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {
            pool.submit(_run, path, limit=limit, environment=environment): name
            for name, path in paths.items()
            if found[name] is None
        }
        try:
            for run in as_completed(runs):
                name = runs[run]
                found[name] = one = _ended(cache, name, paths[name], run)
                say(_line(one) if isinstance(one, Chapter) else f"{name}: {one}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    ended = [chapter for chapter in found.values() if isinstance(chapter, Chapter)]
    failed = {name: problem for name, problem in found.items() if isinstance(problem, str)}
    costs = {chapter.name: {key: round(value, 2) for key, value in asdict(chapter.cost).items()} for chapter in ended}
    places.seconds.parent.mkdir(parents=True, exist_ok=True)
    content = {"limit_cpu_seconds": CPU_LIMIT, "chapters": costs, "failed": sorted(failed)}
    places.seconds.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return ended, failed


def _line(chapter: Chapter) -> str:
    cost = chapter.cost
    line = f"{chapter.name}: {cost.cpu_seconds:.0f} CPU s, {cost.seconds:.0f} s"
    line += " when it last ran" if chapter.kept else f", cell {cost.slowest_cell} {cost.slowest_seconds:.0f} s of it"
    return line + (f": more than the {CPU_LIMIT} CPU s of a chapter" if cost.cpu_seconds > CPU_LIMIT else "")


def _kept(cache: JupyterCacheAbstract, name: str, path: Path, *, cost: Cost | None = None) -> Chapter | None:
    """The chapter as it stands in the cache. Whatever is there and is not whole is removed, and None returned.

    `cost` is given where it has just been run.
    """
    notebook = nbformat.read(path, as_version=4)
    try:
        record = cache.match_cache_notebook(notebook)
    except KeyError:
        return None
    try:
        executed = cache.get_cache_bundle(record.pk).nb
        known = Cost(**record.data["cost"])
    except (KeyError, TypeError, ValueError):  # no file, one cut off in the middle, or not made here
        executed = None
    if executed is None or unfinished(executed):
        NbCacheRecord.remove_records([record.pk], cache.db)
        shutil.rmtree(_folder(cache, record.hashkey), ignore_errors=True)
        return None
    figures = [
        output.data[VIEW]["model_id"]
        for cell in executed.cells
        for output in cell.outputs
        if VIEW in output.get("data", {})
    ]
    stamp = f"{record.created.timestamp():.6f}"
    return Chapter(name=name, stamp=stamp, figures=figures, cost=known, kept=cost is None)


def last_run(places: Places, path: Path) -> list[nbformat.NotebookNode] | None:
    """The code cells of a chapter with what they gave when it last ran; None where it has not run as it stands."""
    cache = get_cache(str(places.executed))
    if _kept(cache, path.stem, path) is None:
        return None
    return cache.get_cache_bundle(cache.match_cache_notebook(nbformat.read(path, as_version=4)).pk).nb.cells


def executed(places: Places, path: Path) -> nbformat.NotebookNode | None:
    """A chapter with what its cells gave when it last ran, sliders included; None where it has not run as it stands."""
    cache = get_cache(str(places.executed))
    if _kept(cache, path.stem, path) is None:
        return None
    return cache.merge_match_into_notebook(nbformat.read(path, as_version=4))[1]


def _folder(cache: JupyterCacheAbstract, key: str) -> Path:
    """The folder of an executed notebook in the cache."""
    return Path(cache.path) / "executed" / key


def _run(path: Path, *, limit: float, environment: dict[str, str]) -> tuple[nbformat.NotebookNode, Cost]:
    """Run a notebook; its outputs and its cost."""
    notebook = nbformat.read(path, as_version=4)
    return notebook, execute(notebook, folder=path.parent, limit=limit, environment=environment)


def _ended(cache: JupyterCacheAbstract, name: str, path: Path, run: Future) -> Chapter | str:
    """Put what a run gave into the cache, its cost beside it; the chapter, or what went wrong."""
    try:
        notebook, cost = run.result()
    except ChapterError as error:
        return str(error)
    data = {"execution_seconds": cost.seconds, "cost": asdict(cost)}
    cache.cache_notebook_bundle(CacheBundleIn(notebook, str(path), data=data), check_validity=False, overwrite=True)
    chapter = _kept(cache, name, path, cost=cost)
    return "a cell was skipped, or raised an error that its tags allow" if chapter is None else chapter
