"""Settings become axes: numbers slide, words toggle, labels read as one would say them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab.course.widgets.grid import combinations, labels_at, make_axes, settings_at
from refusals import refused


def test_numbers_slide_and_words_toggle():
    weight, task = make_axes({"weight": [0.5, 1, 2], "task": ["blur", "holes"]})
    assert (weight.as_toggles, task.as_toggles) == (False, True)
    assert (weight.start, task.start) == (1, 0)
    assert weight.labels == ("0.5", "1", "2")


def test_a_third_and_a_fourth_setting_of_numbers_toggle():
    axes = make_axes({name: [1, 2] for name in "abcd"})
    assert [axis.as_toggles for axis in axes] == [False, False, True, True]


@pytest.mark.parametrize("values", [torch.tensor([1.0, 2.0]), np.array([1.0, 2.0]), (1.0, 2.0), range(1, 3)])
def test_values_come_from_any_row_of_numbers(values):
    assert list(make_axes({"a": values})[0].values) == [1, 2]


def test_start_titles_and_formats_are_used():
    (axis,) = make_axes(
        {"sigma": [0.1, 0.2, 0.4]}, start={"sigma": 0.4}, titles={"sigma": "noise"}, formats={"sigma": "{:.0%}"}
    )
    assert (axis.start, axis.title, axis.labels) == (2, "noise", ("10%", "20%", "40%"))


def test_the_grid_holds_every_combination_once():
    axes = make_axes({"a": [1, 2], "b": ["x", "y", "z"]})
    every = [tuple(settings_at(axes, at).values()) for at in combinations(axes)]
    assert every == [(a, b) for a in (1, 2) for b in "xyz"]
    assert labels_at(axes, (1, 2)) == {"a": "2", "b": "z"}


test_settings_that_make_no_figure_are_refused = refused(
    ({}, "one to four"),
    ({"a": [1], "b": [1], "c": [1], "d": [1], "e": [1]}, "one to four"),
    ({"a": []}, "at least one value"),
    ({"a": "words"}, "list of values"),
    ({"a": 3}, "list of values"),
    ({"a": [1, float("nan")]}, "finite"),
    ({"a": [1, "x"]}, "mixes"),
    ({"a": [0.10001, 0.10002]}, "read the same"),
    ({"a": ["$x$", "y"]}, "without formulas"),
    ({"a": ["", "y"]}, "plain words"),
    by=make_axes,
)


@pytest.mark.parametrize("argument", ["start", "titles", "formats"])
def test_options_must_name_a_setting(argument):
    with pytest.raises(ValueError, match=f"{argument} names no setting: b"):
        make_axes({"a": [1, 2]}, **{argument: {"b": 1}})


def test_start_must_be_one_of_the_values():
    with pytest.raises(ValueError, match="start of 'a'"):
        make_axes({"a": [1, 2]}, start={"a": 3})
