"""Pages of the library: a docstring that names a chapter's file links to the chapter, by its title."""

from __future__ import annotations

import re
import sys
import types

from extensions import FOLDER, extension
from sphinx.application import Sphinx

ROOT = FOLDER.parents[1]
CHAPTERS = {file.stem: str(file.relative_to(ROOT / "book").with_suffix("")) for file in (ROOT / "book").glob("part*/*")}


def test_only_names_of_chapters_in_prose_become_links():
    lines = [
        "Taught in chapters 10_map and",
        "08_style. Not 99_nothing, `10_map`, page/10_map or 10_maps.",
        ">>> load('10_map')",
        "'10_map'",
        "",
        "(10_map)",
    ]
    linked = extension("library").chapter_links(lines, {"10_map": "part3/10_map", "08_style": "part2/08_style"})
    assert linked == [
        "Taught in chapters :doc:`/part3/10_map` and",
        ":doc:`/part2/08_style`. Not 99_nothing, `10_map`, page/10_map or 10_maps.",
        ">>> load('10_map')",
        "'10_map'",
        "",
        "(:doc:`/part3/10_map`)",
    ]


def test_every_chapter_that_a_docstring_names_is_there():
    named = {}
    for file in (ROOT / "deeprestore_lab").rglob("*.py"):
        for found in re.finditer(r"chapters?\s+(\d\d\w*)(?:\s+and\s+(\d\d\w*))?", file.read_text(encoding="utf-8")):
            named |= {name: file.name for name in found.groups() if name and "_" in name}
    assert len(named) > 15 and {name: file for name, file in named.items() if name not in CHAPTERS} == {}


CONF = """
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "library"]
"""
INDEX = """
Library
=======

.. room:: core.small

.. toctree::

   part3_priors/10_map
"""
SMALL = '''
"""Small."""

def half(x):
    """x / 2. Taught in chapter
    10_map.
    """
'''


def test_the_page_shows_the_chapter_s_title(tmp_path, monkeypatch):
    (tmp_path / "part3_priors").mkdir()
    (tmp_path / "part3_priors" / "10_map.rst").write_text("10. The mode\n============\n\nHere.\n")
    for name, text in {"conf.py": CONF, "index.rst": INDEX}.items():
        (tmp_path / name).write_text(text)
    small = types.ModuleType("deeprestore_lab.core.small")
    exec(SMALL, small.__dict__)
    monkeypatch.setitem(sys.modules, small.__name__, small)
    monkeypatch.syspath_prepend(str(FOLDER))
    folders = (tmp_path, tmp_path, tmp_path / "html", tmp_path / "trees")
    Sphinx(*map(str, folders), buildername="html", status=None, warningiserror=True).build()
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert re.search(r'Taught in chapter\s+<a class="[^"]*" href="part3_priors/10_map.html">.*?10. The mode', page)
