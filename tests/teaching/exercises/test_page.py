from __future__ import annotations

import re

import pytest

from deeprestore_lab.teaching.exercises.page import page_text
from deeprestore_lab.teaching.exercises.rehearsal import make_key
from deeprestore_lab.teaching.exercises.source import read_source
from small_exercises import CHECK, INTRO, TASK, cells, write_source


def page_of(folder, **texts):
    path = write_source(folder, cells(**texts))
    source = read_source(path)
    return page_text(source, make_key(source, folder=path.parent), notebook="../small.ipynb")


@pytest.fixture
def page(tmp_path):
    return page_of(tmp_path)


def directives(page):
    """(name, argument, body) of the directives at the outer level."""
    return re.findall(r"^(?P<f>`{4,})\{(\w+)\} ?(.*?)\n(.*?)^(?P=f)$", page, flags=re.MULTILINE | re.DOTALL)


def test_it_begins_with_the_intro_and_where_to_get_the_notebook(page):
    assert page.startswith(INTRO)
    assert page.index("{download}`the notebook <../small.ipynb>`") < page.index("## 1.")


def test_each_task_has_a_folded_solution_and_its_wrong_versions(page):
    found = directives(page)
    assert [name for _, name, _, _ in found] == ["exercise", "solution", "admonition"] * 2
    exercise, solution, wrong = found[:3]
    assert ":label: exercise-small-mean-square" in exercise[3] and "Write `mean_square(x)`." in exercise[3]
    assert "raise NotImplementedError()" in exercise[3] and "squares_of_all" not in exercise[3]
    assert solution[2] == "exercise-small-mean-square"
    assert "squares_of_all = x * x" in solution[3] and "###" not in solution[3]
    assert all(":class: dropdown" in text for text in (solution[3], wrong[3]))
    assert "- **Takes a root at the end.** Double the contrast." in wrong[3]
    assert page.count("- **") == 6 and "author" not in page


def test_titles_are_headings_and_other_code_stays_away(page):
    assert "\n## 1. Mean of squares\n" in page and "\n## 2. A circle\n" in page
    assert "shown =" not in page and "Checks(" not in page


def test_code_in_a_task_does_not_close_it(tmp_path):
    page = page_of(tmp_path, task=TASK + "\n\n````text\n```\n````\n\nThe last words.")
    (exercise, *_) = directives(page)
    assert exercise[0] == "`````" and "The last words." in exercise[3]


def test_a_hint_is_no_markup(tmp_path):
    text = CHECK.replace("Double the image.", "x* costs $2, not `x*`, and a < b.")
    assert r"x\* costs \$2, not `x*`, and a \< b." in page_of(tmp_path, check=text)
