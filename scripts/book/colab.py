"""The notebooks that the Colab button opens: each one's copy with a first cell that installs the course's package.

Colab opens notebooks of a repository on GitHub, and its machines do not have the package. In the repository itself such
a cell would stand on every page and in every reader's JupyterLab. So the build writes copies, and whoever publishes the
book pushes their folder as a branch, which `DEEPRESTORE_COLAB_BRANCH` names (`.github/workflows/book.yml` does both).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping

from scripts.book.address import checked, colab_address
from scripts.book.places import Places, chapters

FIRST = """\
# Colab: installs the package of the course, once for each session
import importlib.util

if importlib.util.find_spec("deeprestore_lab") is None:
    %pip install --quiet "deeprestore_lab[training] @ {source}"
"""


def source(places: Places, variables: Mapping[str, str]) -> str:
    """What pip installs: the repository at the commit that is built, or at its branch where git knows no commit."""
    command = ["git", "-C", str(places.root), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        commit = found.stdout.strip() if found.returncode == 0 else ""
    except FileNotFoundError:
        commit = ""
    repository = checked("DEEPRESTORE_REPOSITORY", variables).removesuffix(".git")
    return f"git+{repository}@{commit or variables.get('DEEPRESTORE_BRANCH') or 'main'}"


def with_first_cell(notebook: dict, where: str) -> dict:
    """A notebook, as JSON, without outputs; its first cell installs the package from `where`."""
    cells = [dict(cell) for cell in notebook["cells"]]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    first = {"cell_type": "code", "id": "colab", "metadata": {}, "execution_count": None, "outputs": []}
    first["source"] = FIRST.format(source=where).rstrip("\n").splitlines(keepends=True)
    return notebook | {"cells": [first, *cells]}


def write_copies(places: Places, variables: Mapping[str, str] = os.environ) -> list[str]:
    """Write the copies of chapters and exercises anew; none where no branch is named. The names of their pages.

    The copy of the page `exercises/01_patterns` is `book/_build/colab/exercises/01_patterns.ipynb`.
    """
    shutil.rmtree(places.colab, ignore_errors=True)
    if not colab_address(variables):
        return []
    files = chapters(places)
    files |= {f"exercises/{path.stem}": path for path in sorted((places.root / "exercises").glob("*.ipynb"))}
    where = source(places, variables)
    for name, path in files.items():
        copy = with_first_cell(json.loads(path.read_text(encoding="utf-8")), where)
        target = places.colab / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(copy, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    return list(files)
