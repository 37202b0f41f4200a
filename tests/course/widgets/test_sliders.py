"""Slider figures: each position of the controls is linked to the picture of its settings, without a kernel."""

from __future__ import annotations

import re

import ipywidgets
import matplotlib.pyplot as plt
import pytest
import torch

from deeprestore_lab.course.figures import picture, show
from deeprestore_lab.course.widgets import SliderFigure, slider_figure

WORDS = {"alt": "A square of grey {level}", "caption": "Lighter to the right."}


def grey(level: float) -> torch.Tensor:
    return torch.full((1, 1, 2, 2), float(level))


def visible(figure: SliderFigure, indices: dict[str, int]) -> str:
    """The HTML that the page shows when the controls stand at `indices`: follows the links, as the page does."""
    stacks = {}
    for link in figure._links:
        (control, trait), (stack, target) = link.source, link.target
        assert (trait, target) == ("index", "selected_index")
        (name,) = [name for name, own in figure.controls.items() if own is control]
        stacks[stack] = indices[name]
    widget = figure.shown.children[0]
    while isinstance(widget, ipywidgets.Stack):
        widget = widget.children[stacks[widget]]
    return widget.value


def test_every_position_shows_the_picture_of_its_settings():
    def function(level, tint, task):
        return grey(level) * (0.5 if task == "dim" else 1), f"{level} {tint} {task}"

    settings = {"level": [0.2, 0.4, 0.8], "tint": [1, 2], "task": ["dim", "bright"]}
    figure = slider_figure(function, settings, alt="{level}, {tint}, {task}", caption="See.")
    for i, level in enumerate(settings["level"]):
        for j, tint in enumerate(settings["tint"]):
            for k, task in enumerate(settings["task"]):
                html = visible(figure, {"level": i, "tint": j, "task": k})
                assert f"{level} {tint} {task}" in html and f'alt="{level}, {tint}, {task}"' in html
                image, _ = function(level, tint, task)
                assert picture(image, alt=f"{level}, {tint}, {task}") in html


def test_stacks_start_where_the_controls_do():
    figure = slider_figure(lambda level: grey(level), {"level": [0, 0.5, 1]}, start={"level": 1}, **WORDS)
    (link,) = figure._links
    assert link.target[0].selected_index == figure.controls["level"].index == 2


def test_pictures_that_are_the_same_are_kept_once():
    figure = slider_figure(lambda a, b: grey(a), {"a": [0, 1], "b": [1, 2, 3]}, alt="A square", caption="See.")
    leaves = {child for link in figure._links for child in link.target[0].children}
    assert len([leaf for leaf in leaves if isinstance(leaf, ipywidgets.HTML)]) == 2


def test_batched_function_is_called_once_with_all_settings():
    calls = []

    def sweep(all_settings):
        calls.append(all_settings)
        return [grey(settings["level"]) for settings in all_settings]

    figure = slider_figure(sweep, {"level": [0.0, 0.5, 1.0]}, batched=True, **WORDS)
    single = slider_figure(grey, {"level": [0.0, 0.5, 1.0]}, **WORDS)
    assert calls == [[{"level": 0.0}, {"level": 0.5}, {"level": 1.0}]]
    assert figure.pages == single.pages
    with pytest.raises(ValueError, match="3 were asked, 1 came"):
        slider_figure(lambda every: [grey(0)], {"level": [0.0, 0.5, 1.0]}, batched=True, **WORDS)


def drawing():
    own, axes = plt.subplots()
    axes.plot([0, 1])
    plt.close(own)
    return own


@pytest.mark.parametrize(
    "outcome, pictures",
    [
        (torch.zeros(3, 4, 4), 1),
        ({"left": torch.zeros(1, 1, 4, 4), "right": torch.ones(1, 1, 4, 4)}, 2),
        (torch.zeros(4, 1, 4, 4), 4),
        (drawing(), 1),
        (show(torch.zeros(2, 1, 4, 4), alt="a", see="b"), 2),
        ("<p>text</p>", 0),
    ],
    ids=["image", "mapping", "batch", "matplotlib", "figure", "html"],
)
def test_functions_may_return_many_kinds_of_pictures(outcome, pictures):
    figure = slider_figure(lambda level: (outcome, "a line"), {"level": [1]}, **WORDS)
    html = figure.pages[(0,)]
    assert html.count("<img") == html.count("alt=") == pictures
    assert "a line" in html


@pytest.mark.parametrize("outcome", [None, 3, (torch.zeros(1, 1, 2, 2), 5), '<img src="x">'])
def test_what_is_no_picture_is_refused(outcome):
    with pytest.raises(ValueError):
        slider_figure(lambda level: outcome, {"level": [1]}, **WORDS)


def test_alt_may_be_a_function_and_must_know_its_names():
    figure = slider_figure(grey, {"level": [0.25]}, alt=lambda level: f"grey {4 * level}", caption="See.")
    assert 'alt="grey 1.0"' in figure.pages[(0,)]
    with pytest.raises(ValueError, match="alt names something that is no setting"):
        slider_figure(grey, {"level": [0.25]}, alt="{nothing}", caption="See.")
    with pytest.raises(ValueError, match="caption must say"):
        slider_figure(grey, {"level": [0.25]}, alt="a", caption=" ")


def test_grid_that_is_too_large_is_refused_before_any_picture_is_made():
    def never(a, b):
        raise AssertionError("was called")

    with pytest.raises(ValueError, match=r"10000 pictures \(100 x 100\), more than 150"):
        slider_figure(never, {"a": range(100), "b": range(100)}, alt="a", caption="b")


def test_page_that_is_too_heavy_is_refused_as_soon_as_it_is():
    made = []

    def noise(seed):
        made.append(seed)
        return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))

    settings = {"seed": range(20)}
    with pytest.raises(ValueError, match="more than 0.1 MB"):
        slider_figure(noise, settings, alt="noise", caption="See.", format="png", max_megabytes=0.1)
    assert len(made) < 20


def test_images_beside_are_there_once_with_their_words():
    beside = {"measurement": grey(0.1), "truth": (grey(0.2), "exact")}
    figure = slider_figure(grey, {"level": [0, 1]}, beside=beside, **WORDS)
    (fixed,) = figure._fixed
    assert re.findall('alt="([^"]*)"', fixed.value) == ["measurement", "truth"] and "exact" in fixed.value
    assert all("measurement" not in html for html in figure.pages.values())


def test_page_without_scripts_gets_the_start_picture():
    figure = slider_figure(grey, {"level": [0.0, 0.5, 1.0]}, **WORDS)
    html = figure.default_html()
    assert 'alt="A square of grey 0.5"' in html and html.count("<img") == 1 and "level 0.5" in html


def test_the_figure_holds_nothing_that_needs_a_kernel():
    figure = slider_figure(grey, {"level": [0, 1]}, live=False, **WORDS)
    assert figure.live is None and len(figure.shown.children) == 1
