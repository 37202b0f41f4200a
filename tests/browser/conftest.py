"""The built book in a Chromium that refuses every request leaving the page's folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "book" / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def build_script():
    """The module scripts/build_book.py."""
    spec = importlib.util.spec_from_file_location("build_book", ROOT / "scripts" / "build_book.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built pages; built first where they are missing or older than their sources."""
    script = build_script()
    if not script.up_to_date(script.HERE):
        subprocess.run([sys.executable, str(ROOT / "scripts" / "build_book.py")], check=True, timeout=3600)
    return HTML


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """A headless Chromium; without one the tests are skipped, and in CI they fail."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        message = f"the browser tests need a Chromium ({', '.join(NAMES)}), and none was found"
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
        self.page.wait_for_function("!window.MathJax || !MathJax.startup || MathJax.startup.promise")
        self.page.evaluate("window.MathJax && MathJax.startup ? MathJax.startup.promise.then(() => true) : true")
        return self


@pytest.fixture
def visit(chromium, html: Path) -> Iterator:
    """`visit(name, width=..., dark=..., scripts=...)` opens a page of the book."""
    contexts = []

    def open_page(name: str, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        shown = Visit(context.new_page(), html)
        if not scripts:
            shown.page.goto((html / name).as_uri())
            return shown
        return shown.open(name)

    yield open_page
    for context in contexts:
        context.close()
