"""The built book in a Chromium that refuses every request leaving the page's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from built_book import build_where_old
from deeprestore_lab.course.doctor import BROWSERS, find_chromium

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "book" / "_build" / "html"
HERE = Path(__file__).resolve().parent
PATIENCE = 120_000  # milliseconds: on two busy cores a page of 2.6 MB has taken more than 30 s to load
BY_PAGE = ("test_book.py", "test_exercise_pages.py")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built pages; built first where they are missing or older than their sources."""
    build_where_old()
    return HTML


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """A headless Chromium; without one the tests are skipped, and in CI they fail."""
    path = find_chromium()
    if path is None:
        message = f"the browser tests need a Chromium ({', '.join(BROWSERS)}), and none was found"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """An open page with what it asked for elsewhere and the errors it logged."""

    def __init__(self, page, html: Path) -> None:
        self.page, self.html, self.errors, self.refused = page, html, [], []
        page.route("**/*", self._route)
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _route(self, route) -> None:
        if route.request.url.startswith((self.html.as_uri(), "data:", "blob:")):
            route.continue_()
        else:
            self.refused.append(route.request.url)
            route.abort()

    def open(self, name: str) -> Visit:
        """Go to a page and wait until its widgets and its formulas are there."""
        self.page.goto((self.html / name).as_uri(), wait_until="load")
        views = self.page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count()
        if views:
            self.page.wait_for_function("n => document.querySelectorAll('.drl-slider-figure').length >= n", arg=views)
            self.page.wait_for_function("document.querySelectorAll('.noUi-handle:not([aria-label])').length === 0")
        self.page.wait_for_function("!document.documentElement.dataset.formulas")
        return self


class Visits:
    """The page that is open, so that tests of one page and one kind of window share its load."""

    def __init__(self, chromium, html: Path) -> None:
        self.chromium, self.html = chromium, html
        self.asked, self.context, self.shown = None, None, None

    def open(
        self, name: str, *, width: int = 1280, dark: bool = False, scripts: bool = True, fresh: bool = False
    ) -> Visit:
        """The page in a window of that kind, as the tests before left it where it was open already; `fresh`: anew."""
        asked = (name, width, dark, scripts)
        if fresh or asked != self.asked:
            self.close()
            self.context = self.chromium.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
                java_script_enabled=scripts,
            )
            self.context.set_default_timeout(PATIENCE)
            self.shown = Visit(self.context.new_page(), self.html)
            self.shown.open(name) if scripts else self.shown.page.goto((self.html / name).as_uri())
            self.asked = asked
        return self.shown

    def close(self) -> None:
        """Close what is open."""
        if self.context is not None:
            self.context.close()
        self.asked = self.context = self.shown = None


@pytest.fixture(scope="session")
def _visits(chromium, html: Path) -> Iterator[Visits]:
    visits = Visits(chromium, html)
    yield visits
    visits.close()


@pytest.fixture
def visit(_visits: Visits) -> Iterator:
    """`visit(name, width=..., dark=..., scripts=..., fresh=...)` opens a page, or gives the one that is open.

    A test in which a page logs an error or asks for something elsewhere fails at its end.
    """
    yield _visits.open
    shown = _visits.shown
    if shown is not None and (problems := shown.errors + shown.refused):
        _visits.close()
        pytest.fail(f"the page logged errors, or asked for something elsewhere: {problems}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Page by page, in place: within a page the tests keep the order of their file, windows of one kind together."""
    places = [place for place, item in enumerate(items) if item.path.name in BY_PAGE and item.path.parent == HERE]
    ordered = sorted((items[place] for place in places), key=lambda item: (item.path.name, _page(item)))
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


def _page(item: pytest.Item) -> str:
    return getattr(item, "callspec", None) and item.callspec.params.get("name") or ""
