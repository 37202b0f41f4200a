"""A small book built for real: chapters that raise, run too long or are killed, and pages that Sphinx warns about."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from importlib import import_module

import nbformat
import psutil
import pytest

import small_book

BROKEN = {
    "raises": ["x = 1", "raise ValueError('not today')"],
    "slow": ["import time\ntime.sleep(600)"],
    "killed": ["x = 1", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"],
}


@pytest.fixture
def script(monkeypatch):
    script = import_module("scripts.book.build")
    monkeypatch.setattr(script, "offline_widgets", lambda places: False)
    return script


def build(script, root):
    """Build; the message of a build that failed, None of one that did not."""
    try:
        script.build(script.Places(root))
    except SystemExit as error:
        return str(error)
    return None


@pytest.mark.slow
def test_a_chapter_that_raises_times_out_or_is_killed_fails_every_time(script, tmp_path, capfd):
    root = small_book.make(tmp_path, fine=small_book.FINE, **BROKEN)
    places = script.Places(root)
    for attempt in range(2):
        places.html.mkdir(parents=True, exist_ok=True)  # as an earlier build would have left it
        places.finished.write_text("\n".join(script.mark(places)))
        (places.html / "slow.html").write_text("an old page")
        message = build(script, root)
        assert "raises: cell 3 (`raise ValueError('not today')`) raised ValueError: not today" in message
        assert "slow: cell 2 (`import time`) did not end within 5 s, the limit for one cell" in message
        assert "killed: cell 3 (`import os, signal`) lost its kernel" in message
        assert "fine" not in message
        assert not script.up_to_date(places) and not (places.html / "slow.html").exists()
        said = capfd.readouterr().out
        assert ("when it last ran" in said) == (attempt == 1)  # the chapter that is fine ran once
        costs = json.loads(places.seconds.read_text())
        assert list(costs["chapters"]) == ["fine"] and costs["failed"] == ["killed", "raises", "slow"]


@pytest.mark.slow
def test_a_page_that_sphinx_warns_about_fails_and_a_mended_book_is_whole(script, tmp_path):
    root = small_book.make(tmp_path, fine=small_book.FINE)
    places, page = script.Places(root), root / "book" / "intro.md"
    page.write_text("# A small book\n\n{ref}`leads nowhere`\n")
    assert build(script, root) == "the book was not built: see the warnings and errors above"
    assert not script.up_to_date(places)  # so that the next build starts anew: tests/scripts/test_building.py
    page.write_text("# A small book\n")
    assert build(script, root) is None and script.up_to_date(places)
    text = (places.html / "fine.html").read_text()
    assert "measured now" in text and "stored in git" not in text
    assert text.count('<script type="application/vnd.jupyter.widget-view+json">') == 1
    page.write_text("# Another book\n")
    assert not script.up_to_date(places)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a process is interrupted otherwise there")
def test_ctrl_c_ends_the_run_and_its_kernel(script, tmp_path):
    started = tmp_path / "started"
    cell = f"import os, pathlib, time\npathlib.Path({str(started)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])

    def interrupt():
        while not (started.is_file() and started.read_text()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            import_module("scripts.book.notebooks").execute(
                notebook, folder=tmp_path, limit=100, environment=dict(os.environ)
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert not psutil.pid_exists(int(started.read_text()))
