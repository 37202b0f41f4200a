"""Chapter 10's page in a browser: from the address typed to a slider that has moved by one key.

The built book is opened from its folder in a headless Chromium, each time in a fresh window without a cache. The clock
stops when the first slider is there, was given one press of an arrow key, and shows another value. Where the book is
not built, or no Chromium is found, the row says so.
"""

from __future__ import annotations

import time
from pathlib import Path

from deeprestore_lab.course.doctor import find_chromium

GOAL_S = 2.0
PAGE = Path(__file__).resolve().parent.parent / "book" / "_build" / "html" / "part3_priors" / "10_map.html"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SLIDER = "[role=slider]"
READS = "slider => [slider.getAttribute('aria-valuenow'), slider.getAttribute('aria-valuetext')].join()"
MOVED = f"before => ({READS})(document.querySelector('{SLIDER}')) !== before"
LONGEST_MS = 120_000


def interactive(browser, page: Path) -> float:
    """Seconds from the address to a slider that has moved, in a window of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        tab = context.new_page()
        tab.set_default_timeout(LONGEST_MS)
        began = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="commit")
        slider = tab.locator(SLIDER).first
        slider.wait_for(state="visible")
        before = slider.evaluate(READS)
        slider.press(
            "ArrowRight"
            if slider.get_attribute("aria-valuenow") != slider.get_attribute("aria-valuemax")
            else "ArrowLeft"
        )
        tab.wait_for_function(MOVED, arg=before)
        return time.perf_counter() - began
    finally:
        context.close()


def run(page: Path = PAGE, repeats: int = 3) -> list[dict]:
    """One row: the best of `repeats`."""
    row = {"name": "chapter 10's page, from its address to a slider moved", "peer": "", "peer_s": None, "ratio": None}
    row |= {"ours_s": None, "goal": f"{GOAL_S:g} s", "met": None}
    path = find_chromium()
    if not page.exists() or path is None:
        return [row | {"note": "no Chromium was found" if path is None else "the book is not built"}]
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        seconds = [interactive(browser, page) for _ in range(repeats)]
        browser.close()
    best = min(seconds)
    note = f"best of {repeats}, slowest {max(seconds):.2g} s; {page.stat().st_size / 1e6:.1f} MB"
    return [row | {"ours_s": best, "met": best <= GOAL_S, "note": note}]


if __name__ == "__main__":
    print(run())
