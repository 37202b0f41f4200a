"""Formulas come after the sliders: hidden while they wait, typeset at last; without MathJax their source is shown."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGE = "part3_priors/10_map.html"
WAITS = "document.documentElement.dataset.formulas === 'waiting'"
SEEN = "[...document.querySelectorAll('.bd-content .math')].map(one => getComputedStyle(one).visibility)"


@pytest.fixture
def page(chromium):
    page = chromium.new_page()
    yield page
    page.close()


def test_sliders_come_first_and_a_link_into_the_page_holds(page, html):
    held = []  # MathJax's answer, until the page was looked at without it
    page.route("**/mathjax/tex-chtml.js", lambda route: held.append(route))
    with page.expect_request("**/mathjax/tex-chtml.js"):
        page.goto((html / PAGE).as_uri(), wait_until="load")
    page.locator("[role=slider]").first.wait_for(state="visible")
    assert page.evaluate(WAITS) and set(page.evaluate(SEEN)) == {"hidden"}
    held[0].continue_()
    page.unroute("**/mathjax/tex-chtml.js")
    page.wait_for_function(f"!({WAITS})")
    assert set(page.evaluate(SEEN)) == {"visible"}
    assert page.locator(".math:not(:has(mjx-container))").count() == 0
    middle = page.evaluate("(all => all[all.length >> 1].id)([...document.querySelectorAll('section section[id]')])")
    page.goto("about:blank")
    page.goto(f"{(html / PAGE).as_uri()}#{middle}", wait_until="load")
    page.wait_for_function(f"!({WAITS})")
    page.wait_for_function("id => Math.abs(document.getElementById(id).getBoundingClientRect().top) < 200", arg=middle)


def test_without_mathjax_the_source_is_shown(page, html):
    page.route("**/mathjax/**", lambda route: route.abort())
    page.goto((html / PAGE).as_uri(), wait_until="load")
    page.wait_for_function(f"!({WAITS})")
    assert set(page.evaluate(SEEN)) == {"visible"} and page.locator("mjx-container").count() == 0
