"""Lines break where a reader would break them: names in tables, and never before the sign that ends a formula."""

from __future__ import annotations

import types

import pytest
from extensions import extension

INLINE = '<span class="math notranslate nohighlight">x</span>'


@pytest.fixture(scope="module")
def edited():
    breaks = extension("breaks")

    def edited(body: str) -> str:
        context = {"body": body}
        breaks.break_names(types.SimpleNamespace(), "page", "page.html", context, None)
        return context["body"]

    return edited


@pytest.mark.parametrize("mark", [",", ".", ").", "?"])
def test_the_sign_that_ends_a_formula_stays_on_its_line(edited, mark):
    assert edited(f"<p>of {INLINE}{mark} And</p>") == f'<p>of <span class="drl-keep">{INLINE}{mark}</span> And</p>'


def test_words_behind_a_formula_and_formulas_on_lines_of_their_own_are_left_alone(edited):
    body = f'{INLINE} and <div class="math notranslate nohighlight">y</div>.'
    assert edited(body) == body


def test_names_break_in_tables_alone(edited):
    name = '<span class="pre">solve/choice.py</span>'
    assert edited(f"<table>{name}</table>{name}") == (
        f'<table><span class="pre">solve/<wbr>choice.<wbr>py</span></table>{name}'
    )
