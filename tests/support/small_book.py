"""A book of one page and a few chapters that import nothing heavy: what `scripts/book` is tried on."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
FINE = ["import ipywidgets\nipywidgets.IntSlider(description='weight')", "print('measured now')"]
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def make(root: Path, **chapters: list[str]) -> Path:
    """Write a book below `root` whose chapters have the code cells given; an output is stored in each last cell."""
    (root / "deeprestore_lab").mkdir(parents=True)
    (root / "deeprestore_lab" / "library.py").write_text("answer = 42\n")
    book = root / "book"
    book.mkdir()
    shutil.copytree(ROOT / "book" / "_ext", book / "_ext", ignore=shutil.ignore_patterns("house.py", "__pycache__"))
    (book / "intro.md").write_text("# A small book\n")
    for name, cells in chapters.items():
        write(root, name, cells)
    config = {
        "title": "A small book",
        "only_build_toc_files": True,
        "exclude_patterns": ["_build", "_ext"],
        "execute": {"execute_notebooks": "cache", "timeout": 5, "allow_errors": False},
        "sphinx": {"extra_extensions": ["executed"], "config": {}},
    }
    (book / "_config.yml").write_text(yaml.safe_dump(config))
    table = {"format": "jb-book", "root": "intro", "chapters": [{"file": name} for name in chapters]}
    (book / "_toc.yml").write_text(yaml.safe_dump(table))
    (book / "offline.json").write_text("{}")
    return root


def write(root: Path, name: str, cells: list[str]) -> None:
    """Write a chapter, or write it again."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    notebook.cells = [nbformat.v4.new_markdown_cell(f"# Chapter {name}"), *map(nbformat.v4.new_code_cell, cells)]
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="stored in git\n")]
    notebook.cells[-1].execution_count = 1
    nbformat.write(notebook, root / "book" / f"{name}.ipynb")
