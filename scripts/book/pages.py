"""What is wrong with the built pages: too heavy, loading from elsewhere, or not showing what this build ran."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from scripts.book.chapters import VIEW, Chapter
from scripts.book.places import Places

PAGE_LIMIT = 3_000_000  # bytes of one page, its pictures inside it, scripts and styles shared by all pages aside
STATE = "application/vnd.jupyter.widget-state+json"
STDERR = r'<div class="[^"]*\boutput stderr\b[^"]*">(.*?)</pre>'
WARNS = re.compile(r"^.*\b\w*Warning: .*$", re.MULTILINE)


def check(places: Places, ended: Iterable[Chapter], *, offline: bool) -> list[str]:
    """All problems, one sentence each, naming the page. `offline` says that no page may need a network."""
    problems = []
    for page in sorted(places.html.rglob("*.html")):
        problems += page_problems(page, page.relative_to(places.html).as_posix(), offline=offline)
    for chapter in ended:
        problems += chapter_problems(chapter, places.html / f"{chapter.name}.html")
    return problems


def page_problems(page: Path, name: str, *, offline: bool) -> list[str]:
    """A page that is too heavy, or that loads something from elsewhere."""
    problems, text = [], page.read_text(encoding="utf-8")
    if page.stat().st_size > PAGE_LIMIT:
        problems.append(f"{name}: {page.stat().st_size / 1e6:.2f} MB, more than {PAGE_LIMIT / 1e6:.0f} MB")
    tags = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//[^\"']*", text)
    outside = [tag for tag in tags if 'rel="canonical"' not in tag]
    if offline:
        problems += [f"{name}: loads from elsewhere: {tag[:120]}" for tag in outside]
    return problems


def chapter_problems(chapter: Chapter, page: Path) -> list[str]:
    """A chapter's page that is missing, shows another execution than this build's, lacks a slider figure, or warns.

    A figure counts where the page has both its place and the state that the widgets' script draws it from. Python's
    warnings name files of the machine and are meant for whoever wrote the cell.
    """
    if not page.is_file():
        return [f"{chapter.name}: there is no page"]
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<meta name="executed" content="([^"]*)"', text)
    if found is None:
        return [f"{chapter.name}: the page does not say which run of its cells it shows"]
    if found[1] != chapter.stamp:
        return [f"{chapter.name}: the page shows other outputs ({found[1]}) than this build's ({chapter.stamp})"]
    places = "".join(re.findall(rf'<script type="{re.escape(VIEW)}">(.*?)</script>', text, re.DOTALL))
    state = "".join(re.findall(rf'<script type="{re.escape(STATE)}">(.*?)</script>', text, re.DOTALL))
    shown = [figure for figure in chapter.figures if figure in places and figure in state]
    if len(shown) < len(chapter.figures):
        return [f"{chapter.name}: the page has {len(shown)} of the {len(chapter.figures)} slider figures it makes"]
    said = [re.sub(r"<[^>]*>", "", block) for block in re.findall(STDERR, text, re.DOTALL)]
    return [f"{chapter.name}: the page shows a warning: {line}" for block in said for line in WARNS.findall(block)]
