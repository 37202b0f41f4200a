"""The course in JupyterLab, as `make lab` opens it: cells run, sliders ask the kernel, and all controls have names."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "part3_priors/10_map.ipynb"
RECORDED = """
energy = GaussianLikelihood(Identity(), noisy, sigma=sigma) + TotalVariation().calibrated(sigma)
run = drl.minimise(energy, noisy, solver="adam", steps=20, reference=photograph)
drl.widgets.scrub(run, caption="A recorded run.")
"""
READY = """() => {
  const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return context?.isReady && context.session?.kernel?.status === "idle";
}"""
NAMED = "() => [...document.querySelectorAll('[role=slider]')].every(slider => slider.ariaLabel)"


def shortened() -> nbformat.NotebookNode:
    """The chapter up to its first picture, then its first slider figure, and a recorded run as a slider figure."""
    chapter = nbformat.read(ROOT / "book" / CHAPTER, as_version=4)
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    picture = next(place for place, cell in enumerate(chapter.cells) if "figures.show(" in cell.source)
    figure = next(cell for cell in code if "slider_figure(" in cell.source)
    chapter.cells = [*chapter.cells[: picture + 1], figure, nbformat.v4.new_code_cell(RECORDED.strip())]
    return chapter


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of JupyterLab, as `make lab` starts it, on a shortened copy of the chapter."""
    course, private = tmp_path / "course", tmp_path / "jupyter"
    chapter = course / "book" / CHAPTER
    chapter.parent.mkdir(parents=True)
    private.mkdir()
    nbformat.write(shortened(), chapter)
    log = private / "log"
    options = "--no-browser --allow-root --ip=127.0.0.1 --port=0 --LabApp.expose_app_in_browser=True"
    command = ["make", "-f", str(ROOT / "Makefile"), "lab", "SETUP=@:", f"VENV_PYTHON={sys.executable}"]
    with log.open("w") as file:
        server = subprocess.Popen(
            [*command, f"LAB_ARGS={options}"],
            cwd=course,
            env=environment(private),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield address(server, log)
    finally:
        end(server)
    assert not list((private / "RUNTIME").glob("kernel-*.json")), "the server left a kernel behind"


def environment(private: Path) -> dict[str, str]:
    """The variables that keep JupyterLab to the folder `private`, with no questions about news."""
    env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    env |= {f"JUPYTER_{name}_DIR": str(private / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    env |= {f"JUPYTERLAB_{name}_DIR": str(private / name) for name in ("SETTINGS", "WORKSPACES")}
    news = private / "SETTINGS" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
    return env | {"IPYTHONDIR": str(private), "JUPYTER_TOKEN": "t", "OMP_NUM_THREADS": "1"}


def address(server: subprocess.Popen, log: Path) -> str:
    """The address that the server logs once it listens."""
    for _ in range(600):
        if found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text(encoding="utf-8")):
            return found.group()
        assert server.poll() is None, log.read_text(encoding="utf-8")
        time.sleep(0.1)
    raise AssertionError(f"no address within 60 s: {log.read_text(encoding='utf-8')}")


def end(server: subprocess.Popen) -> None:
    """End make and the server; told so, the server ends its kernels."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=10)


@pytest.fixture
def notebook(chromium, lab: str) -> Iterator:
    """`notebook(path)` opens a notebook with its kernel; a request to elsewhere is refused and fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1400}, base_url=lab)
    context.set_default_timeout(120_000)
    refused = []

    def route(asked) -> None:
        if asked.request.url.startswith((lab, "data:", "blob:")):
            asked.continue_()
        else:
            refused.append(asked.request.url)
            asked.abort()

    def open_page(path: str):
        page = context.new_page()
        page.goto(f"lab/tree/{path}?token=t")
        page.wait_for_function(READY)
        return page

    context.route("**/*", route)
    yield open_page
    context.close()
    assert refused == []


def drag(page, handle, *, by: float) -> None:
    """Move the handle of a slider to the right, by mouse, in pixels."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=5)
    page.mouse.up()


def shown(figure) -> list[str]:
    """The sources of the pictures that a figure shows now."""
    return figure.locator(".drl-pictures img:visible").evaluate_all("all => all.map(image => image.src)")


def changed(page, figure, before: list[str]) -> list[str]:
    """Wait until a figure shows other pictures, and give them."""
    for _ in range(100):
        now = shown(figure)
        if len(now) == len(before) and now != before:
            return now
        page.wait_for_timeout(100)
    raise AssertionError("the picture did not change within 10 s")


def test_sliders_show_what_they_hold_and_live_ones_ask_the_kernel(notebook):
    page = notebook(f"book/{CHAPTER}")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".drl-slider-figure").nth(1).wait_for(timeout=60_000)
    assert page.get_by_alt_text("One photograph and four measurements of it: blur").count() == 1
    page.wait_for_function(NAMED)
    solved, recorded = page.locator(".drl-slider-figure").all()
    live, status = solved.locator(".drl-live"), solved.locator(".drl-status")
    start = shown(solved)
    assert len(start) == 2 and status.inner_text().startswith("Move a slider")  # nothing was solved unasked

    live.get_by_role("slider", name="noise (over 255)").focus()
    page.keyboard.press("ArrowRight")
    status.get_by_text("weight 1, noise (over 255) 26, prior total variation: solved in").wait_for()
    asked = changed(page, solved, start)
    assert asked[0] == start[0]  # the fixed picture beside it
    picture = solved.locator(".drl-pictures img:visible").last
    assert "noise 26 over 255" in picture.get_attribute("alt")  # the grid holds 10, 25 and 50

    live.get_by_role("group", name="prior").get_by_role("button", name="Tikhonov", pressed=False).click()
    status.get_by_text("noise (over 255) 26, prior Tikhonov: solved in").wait_for()
    other = changed(page, solved, asked)
    live.get_by_role("button", name="Tikhonov", pressed=True).wait_for()

    drag(page, solved.get_by_role("slider", name="weight").first, by=80)
    assert changed(page, solved, other) not in (start, asked)
    assert "noise 25 over 255" in picture.get_attribute("alt")

    end_of_run = shown(recorded)
    recorded.get_by_role("slider", name="step").focus()
    page.keyboard.press("ArrowLeft")
    changed(page, recorded, end_of_run)
