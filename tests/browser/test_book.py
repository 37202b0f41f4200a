"""The built book as a reader meets it: from a file, without a network, by mouse, by keyboard, by ear.

Tests of one page share its load (`conftest.py`): here they stand by the kind of window, light before dark before
narrow. One that needs the sliders where the page opens asks for a `fresh` page.
"""

from __future__ import annotations

import base64
import functools
import io
import itertools
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import yaml
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOOK = Path(__file__).resolve().parents[2] / "book"


def pages() -> list[str]:
    """The pages that the table of contents lists."""
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
    names = [contents["root"], *(entry["file"] for part in contents["parts"] for entry in part["chapters"])]
    return [f"{name}.html" for name in names]


PAGES = pages()
CHAPTERS = [name for name in PAGES if name.startswith(("intro", "part"))]  # the pages that slide


def shown(figure) -> list[str]:
    """What a slider figure shows now: the sources of its pictures, and its summary."""
    return figure.evaluate("f => [...f.querySelectorAll('.drl-pictures img')].map(i => i.src).concat(f.innerText)")


def changes(page, figure, before: list[str]) -> None:
    """Wait until the figure shows something else."""
    now = "f => JSON.stringify([...f.querySelectorAll('.drl-pictures img')].map(i => i.src).concat(f.innerText))"
    handle = figure.element_handle()
    page.wait_for_function(f"([f, before]) => ({now})(f) !== JSON.stringify(before)", arg=[handle, before])


@pytest.mark.parametrize("name", PAGES)
def test_page_needs_nothing_from_elsewhere_and_logs_no_error(visit, name):
    seen = visit(name)
    seen.page.mouse.wheel(0, 20000)
    seen.page.wait_for_timeout(200)
    assert seen.refused == []
    assert seen.errors == []


def test_formulas_are_typeset_offline(visit):
    page = visit("part3_priors/10_map.html").page
    assert page.locator("mjx-container").count() > 40
    assert page.locator("mjx-merror").count() == 0
    shipped = (BOOK / "_build" / "html" / "_static" / "mathjax").rglob("*.*")
    assert 1e6 < sum(file.stat().st_size for file in shipped) < 3e6  # all of MathJax has 24 MB


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_slider_moves_by_keyboard_and_changes_the_picture(visit, name):
    page = visit(name).page
    figures = page.locator(".drl-slider-figure")
    assert figures.count() >= 1
    for number in range(figures.count()):
        figure = figures.nth(number)
        for slider in figure.locator(".noUi-handle").all():
            before = shown(figure)
            value = slider.get_attribute("aria-valuetext")
            slider.focus()
            at_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
            page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
            changes(page, figure, before)
            page.wait_for_function(
                "([s, v]) => s.getAttribute('aria-valuetext') !== v", arg=[slider.element_handle(), value]
            )


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_slider_moves_by_mouse_and_changes_the_picture(visit, name):
    page = visit(name).page
    for figure in page.locator(".drl-slider-figure").all():
        for slider in figure.locator(".noUi-handle").all():
            slider.scroll_into_view_if_needed()
            before, box = shown(figure), slider.bounding_box()
            track = slider.locator("xpath=ancestor::div[contains(@class,'noUi-target')]").bounding_box()
            left = box["x"] + box["width"] / 2 > track["x"] + track["width"] / 2
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.down()
            page.mouse.move(track["x"] if left else track["x"] + track["width"], box["y"] + box["height"] / 2, steps=5)
            page.mouse.up()
            changes(page, figure, before)


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_toggle_changes_the_picture_by_keyboard(visit, name):
    page = visit(name, fresh=True).page  # not where sliders stand at an end, and two toggles may show the same
    for figure in page.locator(".drl-slider-figure").all():
        for group in figure.locator(".widget-toggle-buttons").all():
            assert group.get_attribute("aria-label")
            button = group.locator("button[aria-pressed=false]").first
            before = shown(figure)
            button.focus()
            page.keyboard.press("Enter")
            changes(page, figure, before)
            assert group.locator("button[aria-pressed=true]").count() == 1


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_slider_shows_a_different_picture_at_each_stop_and_returns(visit, name):
    page = visit(name).page
    figure = page.locator(".drl-slider-figure:has(.noUi-handle)").first  # others have toggles alone
    slider = figure.locator(".noUi-handle").first
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(300)
    seen = [shown(figure)]
    for _ in range(int(float(slider.get_attribute("aria-valuemax")))):
        page.keyboard.press("ArrowRight")
        changes(page, figure, seen[-1])
        page.wait_for_timeout(100)
        seen.append(shown(figure))
    assert len({str(state) for state in seen}) == len(seen)
    page.keyboard.press("Home")
    changes(page, figure, seen[-1])
    page.wait_for_timeout(200)
    assert shown(figure) == seen[0]


def of_data(source: str) -> np.ndarray:
    """The pixels of a picture given as a data address, `(H, W, 3)` of bytes."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",", 1)[1]))).convert("RGB"))


def test_a_kernel_that_is_typed_answers_as_a_convolution_does(visit):
    page = visit("part1_representations/01_patterns.html", fresh=True).page
    editor = page.locator(".drl-kernel-editor")
    sources = "root => [...root.querySelectorAll('img')].map(i => i.src)"
    editor.get_by_role("button", name="nothing").click()
    x, answer = (of_data(source) / 255 for source in editor.evaluate(sources))
    assert np.abs(answer - (0.5 + 0.5 * x)).max() < 0.006  # signed: zero is grey
    typed = np.arange(9).reshape(3, 3) / 10 - 0.4
    for place, value in enumerate(typed.flatten()):
        editor.locator("input[type=number]").nth(place).fill(f"{value:.1f}")
    editor.locator("input[type=checkbox]").check()
    answer = of_data(editor.evaluate(sources)[1])[..., 0] / 255
    around = np.pad(x[..., 0], 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3))
    expected = np.einsum("ijkl,kl->ij", windows, typed).clip(0, 1)
    assert np.abs(answer - expected).max() < 0.006 and expected.max() > 0.3
    assert editor.locator("[role=status]").inner_text() == "The weights sum to 0; black is zero."


def test_a_picture_is_enlarged_by_a_click_and_a_key_and_follows_the_slider(visit):
    page = visit("part3_priors/10_map.html", fresh=True).page
    figure = page.locator(".drl-slider-figure:has(.noUi-handle)").first
    slider, large = figure.locator(".noUi-handle").first, page.locator(".drl-zoom img")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(200)
    page.keyboard.press("z")
    small = figure.locator(".drl-pictures img")
    sources = "found => found.map(i => i.src)"
    assert large.count() == small.count() == 2
    assert large.evaluate_all(sources) == small.evaluate_all(sources) and large.last.get_attribute("alt")
    assert large.last.bounding_box()["width"] > 1.5 * small.last.bounding_box()["width"]
    before = large.last.get_attribute("src")
    page.keyboard.press("End")
    page.wait_for_function("src => [...document.querySelectorAll('.drl-zoom img')].at(-1).src !== src", arg=before)
    assert large.evaluate_all(sources) == small.evaluate_all(sources)
    page.keyboard.press("Escape")
    assert large.count() == 0
    small.last.click()
    assert large.count() == 1 and large.get_attribute("src") == small.last.get_attribute("src")
    page.locator(".drl-zoom").click()
    assert large.count() == 0


@pytest.mark.parametrize("name", CHAPTERS)
def test_sliders_have_names_and_values_in_words(visit, name):
    page = visit(name).page
    for slider in page.locator("[role=slider]").all():
        assert slider.get_attribute("aria-label").strip()
        readout = slider.locator("xpath=ancestor::div[contains(@class,'widget-hslider')]").locator(".widget-readout")
        assert slider.get_attribute("aria-valuetext") == readout.inner_text().strip()


# What is the theme's and not ours to name: its search field and its switch of colours (the label is shorter than the
# text inside), the logo above the side bar, the roles that Sphinx gives a list of references.
THEME = ".search-button-field, .theme-switch-button, .logo__image, .citation-list"


def violations(page, *rules) -> list[str]:
    """What axe-core has against the page: the rules given, or all of them."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"resultTypes": ["violations"], "preload": False} | ({"runOnly": list(rules)} if rules else {})
    context = {"exclude": [[part.strip()] for part in THEME.split(",")]}
    found = Axe().run(page, context=context, options=options).response["violations"]
    nodes = [(rule["id"], node) for rule in found for node in rule["nodes"]]
    # a heading that is one formula is read out by MathJax, which axe does not see
    nodes = [
        (rule, node) for rule, node in nodes if rule != "empty-table-header" or "mjx-container" not in node["html"]
    ]
    return [f"{rule}: {node['target'][0]}: {node['html'][:200]}" for rule, node in nodes]


@pytest.mark.parametrize("name", PAGES)
def test_page_passes_the_accessibility_rules(visit, name):
    assert violations(visit(name).page) == []


def test_a_table_that_scrolls_is_reached_by_the_tab_key_and_others_are_not(visit):
    page = visit("part3_priors/12_latent_autoencoder.html").page
    page.wait_for_function("document.readyState === 'complete'")
    found = page.evaluate(
        "[...document.querySelectorAll('.drl-scroll')].map(b => [b.scrollWidth > b.clientWidth + 1, b.tabIndex])"
    )
    assert {(True, 0), (False, -1)} == {tuple(pair) for pair in found}


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_has_alternative_text(visit, name):
    page = visit(name).page
    without = page.evaluate(
        "[...document.querySelectorAll('.bd-content img')].filter(i => !i.alt.trim()).map(i => i.src.slice(0, 80))"
    )
    assert without == []
    hidden = re.findall(r"<noscript>.*?</noscript>", page.content(), re.DOTALL)
    assert all(image.count("<img") == image.count("alt=") for image in hidden)


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    """The names that links into a page may end in."""
    return frozenset(re.findall(r"""\b(?:id|name)=["']([^"']+)["']""", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", PAGES)
def test_inner_links_lead_somewhere(html, visit, name):
    targets = visit(name).page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
    broken = []
    for link in {target for target in targets if target.startswith("file:")}:
        path = Path(unquote(urlsplit(link).path))
        anchor = unquote(urlsplit(link).fragment)
        if not path.is_file() or not path.is_relative_to(html) or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_page_is_light(html, name):
    assert (html / name).stat().st_size < 3_000_000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_pixels_on_the_screen_are_the_pixels_of_the_picture(visit, name, dark):
    page = visit(name, dark=dark).page
    exact = page.locator(".bd-content img.drl-pixels[src^='data:image/png']:visible")
    if not exact.count():
        pytest.skip("this page has no magnified picture that is stored without loss")
    image = exact.first
    image.scroll_into_view_if_needed()
    own = of_data(image.get_attribute("src"))
    screen = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("RGB"))
    zoom = int(image.get_attribute("width")) // own.shape[1]
    whole = own.repeat(zoom, 0).repeat(zoom, 1)
    # The picture may start at a fraction of a screen pixel: then the screenshot has a line more, at either end. Compare
    # the middle of each magnified pixel.
    more = [there - own_side for there, own_side in zip(screen.shape[:2], whole.shape[:2], strict=True)]
    assert max(map(abs, more)) <= 1
    rows, columns = (np.arange(zoom // 2, side, zoom)[:-1] for side in whole.shape[:2])
    apart = []
    for down, right in itertools.product(*(range(max(extra, 0) + 1) for extra in more)):
        inside = screen[np.ix_(rows + down, columns + right)].astype(int) - own[:-1, :-1]
        apart.append(np.abs(inside).max())
    assert min(apart) <= 1


@pytest.mark.parametrize("name", CHAPTERS)
def test_dark_theme_has_enough_contrast(visit, name):
    assert violations(visit(name, dark=True).page, "color-contrast") == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_dark_theme_turns_drawings_of_lines_and_leaves_pictures_as_they_are(visit, name):
    page = visit(name, dark=True).page
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    seen = page.locator(".bd-content img:visible").evaluate_all(
        "all => all.map(i => [i.src, getComputedStyle(i)])"
        ".map(([src, s]) => [src, s.filter, s.opacity, s.mixBlendMode, s.padding])"
    )
    assert seen
    for source, turned, *others in seen:
        drawing = source.removeprefix("data:image/svg+xml;base64,")
        raw = base64.b64decode(drawing) if drawing != source else b"<image"
        of_lines = b'class="lines"' in raw or (b"<image" not in raw and b'class="picture"' not in raw)
        assert turned == ("invert(0.92) hue-rotate(180deg)" if of_lines else "none"), source[:60]
        assert others == ["1", "normal", "0px"], source[:60]


@pytest.mark.parametrize("name", PAGES)
def test_narrow_window_does_not_scroll_sideways(visit, name):
    page = visit(name, width=400).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    wide = page.evaluate("""() => {
        const beyond = e => e.getBoundingClientRect().right > innerWidth + 1;
        const scrolls = row => getComputedStyle(row).overflowX === 'auto' && !beyond(row);
        return [...document.querySelectorAll('.drl-row, .drl-row img, .drl-slider-figure, .drl-slider-figure *')]
            .filter(e => beyond(e) && !(e.matches('.drl-row.drl-wide > img') && scrolls(e.parentElement)))
            .map(e => [e.tagName, e.className, e.alt]);
    }""")
    assert wide == []


@pytest.mark.parametrize("name", PAGES)
def test_what_scrolls_sideways_in_a_narrow_window_says_so(visit, name):
    page = visit(name, width=400).page
    silent = page.evaluate("""() => [...document.querySelectorAll('.bd-article *')]
        .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
        .map(e => [e, getComputedStyle(e)])
        .filter(([e, s]) => s.overflowX === 'auto' || s.overflowX === 'scroll')
        .filter(([e, s]) => !s.backgroundImage.includes('gradient') && s.boxShadow === 'none')
        .filter(([e]) => getComputedStyle(e, '::after').backgroundImage === 'none')
        .map(([e]) => [e.tagName, e.className, e.textContent.trim().slice(0, 60)])""")
    assert silent == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_rows_of_pictures_with_labels_are_large_enough_to_see_in_a_narrow_window(visit, name):
    page = visit(name, width=400).page
    rows = page.locator(".drl-row:has(> .drl-tile > span):visible").all()
    largest = (
        "r => [...r.querySelectorAll('img')].map(i => [i.width, i.getAttribute('width') ?? parseInt(i.style.width)])"
    )
    for row in rows:
        shown, own = map(max, zip(*((int(a), int(b)) for a, b in row.evaluate(largest)), strict=True))
        assert shown >= min(64, own), (shown, own)  # digits are smaller than that anywhere


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_formula_wider_than_the_window_begins_in_it_and_scrolls_to_its_end(visit, name):
    starts = """() => [...document.querySelectorAll('div.math:has(mjx-math)')].map(box => {
        const formula = box.querySelector('mjx-math').getBoundingClientRect(), room = box.getBoundingClientRect();
        return [formula.left - room.left, formula.right - room.left - box.scrollWidth];
    })"""
    places = visit(name, width=400).page.evaluate(starts)
    assert places and all(left >= -1 and beyond <= 1 for left, beyond in places)


@pytest.mark.parametrize("name", CHAPTERS)
def test_sliders_can_be_used_in_a_narrow_window(visit, name):
    page = visit(name, width=400).page
    for track in page.locator(".drl-slider-figure .noUi-target").all():
        assert track.bounding_box()["width"] >= 120


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_formula_is_cut_in_a_narrow_window(visit, name):
    page = visit(name, width=400).page
    cut = page.evaluate(
        """[...document.querySelectorAll(".bd-content span.math")]
          .filter(line => line.firstElementChild && line.firstElementChild.offsetWidth > line.clientWidth + 1)
          .filter(line => line.clientWidth && getComputedStyle(line).overflowX !== "auto")
          .map(line => line.textContent)"""
    )
    assert cut == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_without_scripts_the_start_picture_is_shown(visit, name):
    page = visit(name, scripts=False).page
    pictures = page.locator("noscript figure img")
    assert pictures.count() >= 1
    assert all(alt.strip() for alt in pictures.evaluate_all("all => all.map(i => i.alt)"))


@pytest.mark.parametrize("name", CHAPTERS)
def test_without_scripts_formulas_are_mathematics_and_the_theme_has_its_colours(visit, name):
    page = visit(name, scripts=False).page
    formulas, shown = page.locator("article .math"), page.locator("article math")
    assert formulas.count() == shown.count() > 0
    assert not any(formula.is_visible() for formula in formulas.all())
    assert shown.first.bounding_box()["height"] > 0
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--pst-color-primary')")


@pytest.mark.parametrize("name", PAGES)
def test_no_page_shows_a_warning_or_a_folder_of_the_machine(html, name):
    text = (html / name).read_text(encoding="utf-8")
    assert not re.findall(r"\w+Warning: .{0,80}|/ipykernel_\d+|site-packages/", text)


def test_the_bibliography_shows_no_markup_of_its_source(html):
    page = (html / "bibliography.html").read_text(encoding="utf-8")
    entries = re.findall(r'<div class="citation".*?</div>', page, re.DOTALL)
    assert len(entries) > 100 and not [entry for entry in entries if set("$\\{}") & set(re.sub(r"<[^>]*>", "", entry))]
