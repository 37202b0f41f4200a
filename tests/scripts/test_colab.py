"""The notebooks for Colab: what their first cell does, where the button leads, and that both are off by default."""

import importlib.util
import json
import re
import subprocess
import types
from pathlib import Path

import nbformat
import pytest
import yaml
from extensions import extension
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement

from scripts.book.address import add_addresses, colab_address
from scripts.book.colab import with_first_cell, write_copies
from scripts.book.places import Places

ROOT = Path(__file__).resolve().parents[2]
GIVEN = {"DEEPRESTORE_REPOSITORY": "https://github.com/someone/lab.git", "DEEPRESTORE_COLAB_BRANCH": "colab"}
AT_COLAB = "https://colab.research.google.com/github/someone/lab/blob/colab"


@pytest.fixture
def book(tmp_path):
    """A book of one chapter and one exercise, in a repository with one commit."""
    cell = nbformat.v4.new_code_cell("1 + 1", outputs=[nbformat.v4.new_output("stream", text="2")], execution_count=1)
    for name in ("book/one.ipynb", "exercises/two.ipynb"):
        (tmp_path / name).parent.mkdir()
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / name)
    (tmp_path / "book" / "_toc.yml").write_text("format: jb-book\nroot: one\n", encoding="utf-8")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "one"], check=True)
    return Places(tmp_path)


def requirement(path):
    """What the first cell of a notebook asks pip for."""
    return Requirement(re.search(r'%pip install --quiet "(.*)"', nbformat.read(path, 4).cells[0].source)[1])


def test_each_copy_installs_the_package_at_the_commit_that_was_built(book):
    assert write_copies(book, GIVEN) == ["one", "exercises/two"]
    commit = subprocess.run(["git", "-C", str(book.root), "rev-parse", "HEAD"], capture_output=True, text=True)
    for name in ("one", "exercises/two"):
        copy = nbformat.read(book.colab / f"{name}.ipynb", 4)
        nbformat.validate(copy)
        assert [cell.source for cell in copy.cells[1:]] == ["1 + 1"] and not copy.cells[1].outputs
        wanted = requirement(book.colab / f"{name}.ipynb")
        assert wanted.name == "deeprestore_lab" and wanted.extras == {"training"}
        assert wanted.url == f"git+https://github.com/someone/lab@{commit.stdout.strip()}"


def test_without_a_commit_the_branch_is_installed(book):
    for path in sorted((book.root / ".git").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (book.root / ".git").rmdir()
    write_copies(book, GIVEN | {"DEEPRESTORE_BRANCH": "next"})
    assert requirement(book.colab / "one.ipynb").url == "git+https://github.com/someone/lab@next"


def test_a_name_and_an_extra_that_the_project_has_are_installed():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    cell = with_first_cell({"cells": []}, "git+x")["cells"][0]
    assert '"deeprestore_lab[training] @ git+x"' in "".join(cell["source"])
    assert '\nname = "deeprestore_lab"\n' in project and "\ntraining = [" in project


@pytest.mark.parametrize("found", [True, False])
def test_the_first_cell_installs_only_where_the_package_is_missing(found, monkeypatch):
    """Run as IPython would run it, with a pip that only notes what it is asked for."""
    asked = []
    shell = types.SimpleNamespace(run_line_magic=lambda name, line: asked.append(f"{name} {line}"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if found else None)
    cell = "".join(with_first_cell({"cells": []}, "git+x")["cells"][0]["source"])
    exec(TransformerManager().transform_cell(cell), {"get_ipython": lambda: shell})
    assert asked == ([] if found else ['pip install --quiet "deeprestore_lab[training] @ git+x"'])


@pytest.mark.parametrize("missing", sorted(GIVEN))
def test_without_an_address_or_a_branch_there_is_no_copy_and_no_button(book, missing):
    variables = {key: value for key, value in GIVEN.items() if key != missing}
    (book.colab / "old.ipynb").parent.mkdir(parents=True)
    (book.colab / "old.ipynb").write_text("{}", encoding="utf-8")
    if missing == "DEEPRESTORE_REPOSITORY":
        with pytest.raises(SystemExit, match="DEEPRESTORE_REPOSITORY must be a repository such as .*, got ''"):
            write_copies(book, variables)
    else:
        assert write_copies(book, variables) == [] and colab_address(variables) == ""
    assert not book.colab.exists()


@pytest.mark.parametrize("code", ["https://example.org/someone/lab", "https://github.com/someone"])
def test_colab_opens_repositories_on_github_only(code):
    with pytest.raises(SystemExit, match="where DEEPRESTORE_COLAB_BRANCH is set, got"):
        add_addresses(
            {"sphinx": {"config": {}}, "html": {}, "launch_buttons": {}}, GIVEN | {"DEEPRESTORE_REPOSITORY": code}
        )


def pressed(page, groups):
    """What the button of a page opens."""
    config = types.SimpleNamespace(colab_address=colab_address(GIVEN), colab_pages=["one", "exercises/two"])
    context = {"header_buttons": groups}
    extension("colab").add_button(types.SimpleNamespace(config=config), page, "page.html", context, None)
    return [button["url"] for group in context["header_buttons"] for button in group["buttons"]]


def test_the_button_opens_the_copy_of_the_page():
    launch = {"label": "launch-buttons", "buttons": [{"url": "binder"}]}
    assert pressed("one", [launch]) == ["binder", f"{AT_COLAB}/one.ipynb"]
    assert pressed("exercises/two", []) == [f"{AT_COLAB}/exercises/two.ipynb"]  # a page that is no notebook itself
    assert pressed("glossary", []) == []


def test_the_branch_that_the_workflow_pushes_is_the_one_that_the_button_names():
    text = (ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    (variables,) = (step["env"] for step in jobs["build"]["steps"] if "DEEPRESTORE_REPOSITORY" in step.get("env", {}))
    folder = Places(ROOT).colab.relative_to(ROOT).as_posix()
    paths = [step["with"]["path"] for step in jobs["build"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert paths == [folder]
    pushed = jobs["colab"]["steps"][-1]["run"]
    assert f"git push --force origin {variables['DEEPRESTORE_COLAB_BRANCH']}\n" in pushed


def test_what_the_workflow_does_leaves_the_copies_alone_on_the_branch(book, tmp_path):
    write_copies(book, GIVEN)
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))["jobs"]
    away = tmp_path / "away.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(away)], check=True)
    subprocess.run(["git", "-C", str(book.root), "remote", "add", "origin", str(away)], check=True)
    notebooks = tmp_path / "notebooks"
    book.colab.rename(notebooks)
    for _ in range(2):  # the second publication replaces the first
        environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "NOTEBOOKS": str(notebooks), "AUTHOR": "someone"}
        clone = tmp_path / "clone"
        subprocess.run(["rm", "-rf", str(clone)], check=True)
        subprocess.run(["git", "clone", "--quiet", str(book.root), str(clone)], check=True)
        subprocess.run(["git", "-C", str(clone), "remote", "set-url", "origin", str(away)], check=True)
        command = ["bash", "-e", "-c", jobs["colab"]["steps"][-1]["run"]]
        subprocess.run(command, cwd=clone, env=environment | {"HOME": str(tmp_path)}, check=True, capture_output=True)
    shown = subprocess.run(
        ["git", "-C", str(away), "ls-tree", "-r", "--name-only", "colab"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["exercises/two.ipynb", "one.ipynb"]
    log = subprocess.run(["git", "-C", str(away), "rev-list", "--count", "colab"], capture_output=True, text=True)
    assert log.stdout.strip() == "1"
    assert json.loads((notebooks / "one.ipynb").read_text(encoding="utf-8"))["cells"][0]["id"] == "colab"
