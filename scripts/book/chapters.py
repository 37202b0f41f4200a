"""Run the book's notebooks once, before Sphinx reads them, and keep what they gave.

Sphinx would run them too, but calls a page up to date whose notebook it could not run, and shows the outputs stored
in git as if they had been measured. Here a chapter that fails ends the build. What ran to its end is kept in a cache
(jupyter-cache, the one Sphinx reads) with its seconds; what is in the cache without having ended is run again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.cache.db import NbCacheRecord

from scripts.book.notebooks import ChapterError, Cost, execute, unfinished
from scripts.book.places import Places, chapters

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
    """Run every notebook that is not in the cache; those that ended, and for the others what went wrong.

    Each chapter's seconds are said as it ends (printed, where `say` is None) and written to `places.seconds`.
    """
    say = say or partial(print, flush=True)
    cache, ended, failed = get_cache(str(places.executed)), [], {}
    for name, path in chapters(places).items():
        chapter = _kept(cache, name, path)
        if chapter is None:
            try:
                cost = _run(cache, path, limit=limit, environment=environment)
            except ChapterError as error:
                failed[name] = str(error)
                say(f"{name}: {error}")
                continue
            chapter = _kept(cache, name, path, cost=cost)
            if chapter is None:
                failed[name] = "a cell was skipped, or raised an error that its tags allow"
                say(f"{name}: {failed[name]}")
                continue
        ended.append(chapter)
        say(_line(chapter))
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


def _folder(cache: JupyterCacheAbstract, key: str) -> Path:
    """The folder of an executed notebook in the cache."""
    return Path(cache.path) / "executed" / key


def _run(cache: JupyterCacheAbstract, path: Path, *, limit: float, environment: dict[str, str]) -> Cost:
    """Run a notebook and put it into the cache, its cost beside it."""
    notebook = nbformat.read(path, as_version=4)
    cost = execute(notebook, folder=path.parent, limit=limit, environment=environment)
    data = {"execution_seconds": cost.seconds, "cost": asdict(cost)}
    bundle = CacheBundleIn(notebook, str(path), data=data)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    return cost
