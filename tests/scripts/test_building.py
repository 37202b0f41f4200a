"""The parts of the book's build, without a kernel and without Sphinx."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from functools import partial
from importlib import import_module

import nbformat
import pytest
import yaml

import small_book


@pytest.fixture(scope="module")
def script():
    return import_module("scripts.book.build")


@pytest.fixture
def places(script, tmp_path):
    return script.Places(small_book.make(tmp_path, one=["x = 1", "x"], two=["y = 1"]))


@pytest.fixture(scope="module")
def chapters(script):
    return import_module("scripts.book.chapters")


@pytest.fixture(scope="module")
def notebooks(script):
    return import_module("scripts.book.notebooks")


@pytest.fixture(scope="module")
def pages(script):
    return import_module("scripts.book.pages")


def finished(script, places):
    """Pages as a build that ended well leaves them."""
    (places.built / ".doctrees").mkdir(parents=True)
    places.html.mkdir(parents=True)
    (places.html / "one.html").write_text("")
    places.finished.write_text("\n".join(script.mark(places)))


def test_what_tools_keep_in_the_book_does_not_make_its_pages_old(script, places):
    """ruff, run by `make check` and by a test, leaves its cache beside the notebooks."""
    finished(script, places)
    (places.book / ".ruff_cache").mkdir()
    (places.book / ".ruff_cache" / "x").write_text("")
    assert script.up_to_date(places)
    (places.book / "more.md").write_text("# More")
    assert not script.up_to_date(places)


def test_the_table_of_contents_names_the_chapters_in_order(places):
    found = import_module("scripts.book.places").chapters(places)
    assert list(found) == ["one", "two"] and all(file.is_file() for file in found.values())


def test_the_state_of_a_build_that_ended_well_is_kept_and_its_mark_removed(script, places):
    finished(script, places)
    assert script.up_to_date(places)
    script.prepare(places, fresh=False)
    assert (places.built / ".doctrees").is_dir() and (places.html / "one.html").is_file()
    assert not script.up_to_date(places)


def test_the_state_of_a_build_that_did_not_end_is_removed(script, places):
    finished(script, places)
    script.prepare(places, fresh=False)  # a build begins, and is killed
    script.prepare(places, fresh=False)
    assert not places.built.exists()


@pytest.mark.parametrize("name", ["_ext/executed.py", "_config.yml", "_static/book.css"])
def test_what_sphinx_does_not_look_at_renders_every_page_anew(script, places, name):
    file = places.book / name
    file.parent.mkdir(exist_ok=True)
    finished(script, places)
    file.write_text((file.read_text() if file.is_file() else "") + "\n# changed\n")
    assert not script.up_to_date(places)
    script.prepare(places, fresh=False)
    assert not places.built.exists()


@pytest.mark.parametrize("change", ["library", "data"])
def test_results_depend_on_the_library_and_on_the_readers_data(script, places, change, monkeypatch):
    finished(script, places)
    before = places.executed
    if change == "library":
        (places.root / "deeprestore_lab" / "library.py").write_text("answer = 41\n")
    else:
        monkeypatch.setenv("DEEPRESTORE_DATA", str(places.root))
    assert places.executed != before and not script.up_to_date(places)


def test_what_ran_just_now_is_read_again_by_sphinx(script, chapters, places):
    """Where the cache was deleted and the pages were not, the notebooks' files are as they were."""
    trees = places.built / ".doctrees"
    trees.mkdir(parents=True)
    for name in ("one", "two"):
        (trees / f"{name}.doctree").touch()
    make = partial(chapters.Chapter, stamp="1.5", figures=[], cost=chapters.Cost())
    script.read_again(places, [make(name="one", kept=True), make(name="two", kept=False), make(name="new", kept=False)])
    assert [path.name for path in trees.iterdir()] == ["one.doctree"]


def executed(chapters, places, name):
    """Put a chapter into the cache as if it had run; its notebook."""
    notebook = nbformat.read(places.book / f"{name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count, cell.outputs = count, []
    view = {chapters.VIEW: {"model_id": "f00d"}, "text/plain": "IntSlider()"}
    code[-1].outputs = [nbformat.v4.new_output("display_data", data=view)]
    keep(chapters, places, notebook)
    return notebook


def keep(chapters, places, notebook, **data):
    cache = chapters.get_cache(str(places.executed))
    data = data or {"cost": {"seconds": 9.0, "cpu_seconds": 61.5, "slowest_cell": 3, "slowest_seconds": 8.0}}
    bundle = chapters.CacheBundleIn(notebook, "a chapter", data=data)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def test_a_chapter_that_ran_is_kept_with_its_seconds(chapters, places, monkeypatch):
    executed(chapters, places, "one")
    executed(chapters, places, "two")
    said = []
    ended, failed = chapters.run_chapters(places, limit=1, environment={}, say=said.append)
    assert not failed and [chapter.name for chapter in ended] == ["one", "two"]
    assert ended[0].figures == ["f00d"] and ended[0].kept and ended[0].cost.cpu_seconds == 61.5
    assert said[0] == "one: 62 CPU s, 9 s when it last ran: more than the 60 CPU s of a chapter"
    assert '"cpu_seconds": 61.5' in places.seconds.read_text()


@pytest.mark.parametrize("fault", ["no file", "cut off", "not run", "error", "not made here"])
def test_what_is_in_the_cache_without_having_ended_runs_again(chapters, places, fault, monkeypatch):
    notebook = executed(chapters, places, "one")
    executed(chapters, places, "two")
    cache = chapters.get_cache(str(places.executed))
    key = cache.match_cache_notebook(notebook).hashkey
    file = places.executed / "executed" / key / "base.ipynb"
    if fault == "no file":  # killed after the database was written
        file.unlink()
    elif fault == "cut off":  # killed while the file was written
        file.write_text(file.read_text()[:100])
    elif fault == "not run":
        notebook.cells[2].execution_count = None
        keep(chapters, places, notebook)
    elif fault == "error":
        notebook.cells[2].outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]
        keep(chapters, places, notebook)
    else:
        keep(chapters, places, notebook, execution_seconds=3.0)
    ran = []

    def execute(notebook, *, folder, limit, environment):
        ran.append(notebook)
        raise chapters.ChapterError("not this time")

    monkeypatch.setattr(chapters, "execute", execute)
    for _ in range(2):  # and again, since it failed
        ended, failed = chapters.run_chapters(places, limit=1, environment={}, say=lambda line: None)
        assert failed == {"one": "not this time"} and [chapter.name for chapter in ended] == ["two"]
    assert len(ran) == 2


def test_chapters_run_two_at_a_time_and_are_told_in_order(chapters, places, monkeypatch):
    """Each waits for the other to begin; the first to begin ends last."""
    begun, over = threading.Barrier(2, timeout=30), threading.Event()

    def execute(notebook, *, folder, limit, environment):
        begun.wait()
        first = notebook.cells[1].source == "x = 1"
        if first:
            over.wait(30)
        for count, cell in enumerate(notebook.cells[1:], start=1):
            cell.execution_count, cell.outputs = count, []
        return chapters.Cost(cpu_seconds=1.0 if first else 2.0)

    def say(line):
        said.append(line)
        over.set()

    said = []
    monkeypatch.setattr(chapters, "execute", execute)
    monkeypatch.setattr(chapters, "AT_ONCE", 2)
    ended, failed = chapters.run_chapters(places, limit=1, environment={}, say=say)
    assert [line.split(":")[0] for line in said] == ["two", "one"] and not failed
    assert [(chapter.name, chapter.cost.cpu_seconds) for chapter in ended] == [("one", 1.0), ("two", 2.0)]


def test_an_interrupt_ends_what_runs_and_starts_nothing_more(chapters, places, monkeypatch):
    ran, let_go = [], threading.Event()

    def execute(notebook, *, folder, limit, environment):
        ran.append(notebook)
        let_go.wait(30)
        raise chapters.ChapterError("its kernel was killed")

    def interrupted(runs):
        raise KeyboardInterrupt

    monkeypatch.setattr(chapters, "execute", execute)
    monkeypatch.setattr(chapters, "end_all", let_go.set)
    monkeypatch.setattr(chapters, "as_completed", interrupted)
    monkeypatch.setattr(chapters, "AT_ONCE", 1)
    with pytest.raises(KeyboardInterrupt):
        chapters.run_chapters(places, limit=1, environment={}, say=print)
    assert let_go.is_set() and len(ran) <= 1


VIEW = '<script type="application/vnd.jupyter.widget-view+json">{"model_id": "%s"}</script>'
STATE = '<script type="application/vnd.jupyter.widget-state+json">{"state": {"%s": {}}}</script>'
SAYS = '<div class="output stderr highlight-myst-ansi notranslate"><div class="highlight"><pre>%s\n</pre></div></div>'
HEAD = '<meta name="executed" content="%s">'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD % "1.5" + VIEW % "a" + VIEW % "b" + STATE % "a" + STATE % "b", None),
        (HEAD % "1.5" + VIEW % "a" + STATE % "a", "has 1 of the 2 slider figures"),
        (HEAD % "1.5" + VIEW % "a" + VIEW % "b", "has 0 of the 2 slider figures"),  # nothing to draw them from
        (HEAD % "1.5", "has 0 of the 2 slider figures"),
        (HEAD % "1.4" + VIEW % "a" + VIEW % "b" + STATE % "ab", "shows other outputs"),  # of an earlier build
        (HEAD % "failed" + VIEW % "a" + VIEW % "b" + STATE % "ab", "shows other outputs"),
        (HEAD % "1.5" + VIEW % "ab" + STATE % "ab" + SAYS % "x.py:3: <span>UserWarning</span>: y", "UserWarning: y"),
        (HEAD % "1.5" + VIEW % "ab" + STATE % "ab" + SAYS % "100 of 100", None),
        ("stored in git", "does not say which run"),
        (None, "there is no page"),
    ],
)
def test_the_page_of_a_chapter_shows_this_builds_run_and_all_its_figures(pages, chapters, tmp_path, text, problem):
    chapter = chapters.Chapter(name="one", stamp="1.5", figures=["a", "b"], cost=chapters.Cost(), kept=False)
    page = tmp_path / "one.html"
    if text is not None:
        page.write_text(text)
    found = pages.chapter_problems(chapter, page)
    assert len(found) == (problem is not None) and all(f"one: {problem}" in f or problem in f for f in found)


def test_pages_too_heavy_or_loading_from_elsewhere_are_refused(pages, tmp_path):
    page = tmp_path / "x.html"
    page.write_text('<link rel="canonical" href="https://a.b/c"><script src="https://a.b/c.js"></script>')
    assert pages.page_problems(page, "x.html", offline=False) == []
    (problem,) = pages.page_problems(page, "x.html", offline=True)
    assert problem.startswith('x.html: loads from elsewhere: <script src="https://a.b/c.js')
    page.write_text("x" * (pages.PAGE_LIMIT + 1))
    assert "more than 3 MB" in pages.page_problems(page, "x.html", offline=True)[0]


def test_cpu_seconds_count_a_process_and_its_children_and_not_its_waiting(notebooks):
    # the oracle is the program itself, which says what the system's own clocks of it say
    child = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    code = f"import os, subprocess, sys, time\n{child}\nsubprocess.run([sys.executable, '-c', {child!r}])\n"
    code += "time.sleep(0.4)\nprint(sum(os.times()[:4]), flush=True)\nsys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        told = float(process.stdout.readline())
        measured = notebooks.cpu_seconds(process.pid)
    finally:
        process.communicate()
    if os.name == "posix" and sys.platform != "darwin":  # elsewhere the system does not keep ended children
        assert measured == pytest.approx(told, abs=0.1) and told > 0.6
    assert measured > 0.3


def test_cells_that_did_not_end_are_found(notebooks):
    notebook = nbformat.v4.new_notebook()
    make = nbformat.v4.new_code_cell
    error = nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    notebook.cells = [
        nbformat.v4.new_markdown_cell("text"),
        make("done", execution_count=1),
        make("never"),
        make("  "),  # empty cells are not run
        make("raised", execution_count=2, outputs=[error]),
    ]
    assert notebooks.unfinished(notebook) == [3, 5]


def test_one_cell_may_take_twenty_minutes_on_a_slow_laptop():
    settings = yaml.safe_load((small_book.ROOT / "book" / "_config.yml").read_text(encoding="utf-8"))
    assert settings["execute"]["timeout"] == 1200 and not settings["execute"]["allow_errors"]
