"""Live sliders: the setting asked is solved for, the last one wins, and an error is seen."""

from __future__ import annotations

import math
import threading

import ipywidgets
import pytest
import torch

from deeprestore_lab.course.widgets import slider_figure
from deeprestore_lab.course.widgets.grid import make_axes
from deeprestore_lab.course.widgets.live import kernel_is_live, live_control

WORDS = {"alt": "Grey {level}", "caption": "See."}


def grey(level: float) -> torch.Tensor:
    return torch.full((1, 1, 2, 2), float(level))


def live_figure(function, settings=None):
    return slider_figure(function, settings or {"level": [0.0, 0.5, 1.0]}, live=True, **WORDS)


def test_a_value_between_the_stops_is_solved_for_and_shown():
    figure = live_figure(lambda level: (grey(level), f"level is {level}"))
    figure.live.controls["level"].value = 0.25
    assert figure.live.wait(10)
    assert "level is 0.25" in figure.live.picture.value and 'alt="Grey 0.25"' in figure.live.picture.value
    assert figure.shown.selected_index == 1 and figure.shown.children[1] is figure.live.picture
    assert "solved in" in figure.live.status.value


def test_moving_a_stop_shows_the_grid_again():
    figure = live_figure(grey)
    figure.live.controls["level"].value = 0.25
    assert figure.live.wait(10)
    figure.controls["level"].index = 0
    assert figure.shown.selected_index == 0


def test_of_several_requests_the_last_one_wins_and_those_between_are_dropped():
    began, go, seen = threading.Event(), threading.Event(), []

    def slow(level):
        if armed:
            seen.append(level)
            began.set()
            assert go.wait(10)
        return grey(level)

    armed = False
    figure = live_figure(slow)
    armed = True
    figure.live.controls["level"].value = 0.1
    assert began.wait(10)
    assert "solving" in figure.live.status.value
    for value in (0.2, 0.3, 0.4):
        figure.live.controls["level"].value = value
    go.set()
    assert figure.live.wait(10)
    assert seen == [0.1, 0.4]
    assert 'alt="Grey 0.4"' in figure.live.picture.value


def test_an_error_is_shown_and_the_next_request_works():
    def picky(level):
        if 0 < level < 0.5:
            raise ValueError("level <must> be large")
        return grey(level)

    figure = live_figure(picky)
    figure.live.controls["level"].value = 0.25
    assert figure.live.wait(10)
    assert "ValueError: level &lt;must&gt; be large" in figure.live.status.value
    assert 'role="alert"' in figure.live.status.value and isinstance(figure.live.error, ValueError)
    assert figure.shown.selected_index == 0
    figure.live.controls["level"].value = 0.75
    assert figure.live.wait(10)
    assert figure.live.error is None and "solved in" in figure.live.status.value


def test_warm_gets_the_last_live_result_and_nothing_while_the_grid_is_made():
    given = []

    def function(level, warm=None):
        given.append(warm)
        return grey(level)

    figure = live_figure(function)
    assert given == [None, None, None]
    figure.live.controls["level"].value = 0.1
    assert figure.live.wait(10)
    figure.live.controls["level"].value = 0.2
    assert figure.live.wait(10)
    assert given[3] is None and torch.equal(given[4], grey(0.1))


def test_warm_needs_a_default():
    with pytest.raises(ValueError, match="needs a default"):
        slider_figure(lambda level, warm: grey(level), {"level": [0, 1]}, **WORDS)


def test_batched_functions_are_asked_for_one_setting():
    asked = []

    def sweep(every):
        asked.append(len(every))
        return [grey(one["level"]) for one in every]

    figure = slider_figure(sweep, {"level": [0.0, 0.5, 1.0]}, batched=True, live=True, **WORDS)
    figure.live.controls["level"].value = 0.25
    assert figure.live.wait(10)
    assert asked == [3, 1]


@pytest.mark.parametrize(
    "values, kind, low, high",
    [
        ([0.01, 0.1, 1.0, 10.0], ipywidgets.FloatLogSlider, -2, 1),
        ([0.0, 0.5, 1.0], ipywidgets.FloatSlider, 0, 1),
        ([1, 3, 5], ipywidgets.IntSlider, 1, 5),
    ],
)
def test_live_controls_span_the_grid(values, kind, low, high):
    control = live_control(make_axes({"a": values})[0])
    assert isinstance(control, kind) and (control.min, control.max) == pytest.approx((low, high))
    assert control.value == values[len(values) // 2]


@pytest.mark.parametrize("values", [[0.125, 0.71, 1.0, 8.0], [0.0, 0.3, 1.0], [-1.0, 0.0, 0.1, 2.0], [0.5, 0.501, 9.0]])
def test_the_start_is_a_whole_number_of_steps_from_the_lowest_value(values):
    for start in values:
        control = live_control(make_axes({"a": values}, start={"a": start})[0])
        at = math.log10(control.value) if isinstance(control, ipywidgets.FloatLogSlider) else control.value
        steps = (at - control.min) / control.step
        assert control.value == pytest.approx(start, rel=1e-12) and steps == pytest.approx(round(steps), abs=1e-6)


def test_a_value_that_the_page_sends_back_rounded_is_not_solved_for():
    figure = live_figure(grey, {"level": [0.0, 0.3, 1.0]})
    figure.live.controls["level"].value = 0.1 + 0.2  # 0.30000000000000004
    assert figure.live.wait(10)
    assert figure.shown.selected_index == 0 and "Move a slider" in figure.live.status.value


def test_words_stay_words():
    control = live_control(make_axes({"a": ["x", "y"]})[0])
    control.value = "y"
    assert isinstance(control, ipywidgets.ToggleButtons)


def test_without_a_kernel_nothing_is_live(monkeypatch):
    assert not kernel_is_live()
    import IPython

    class Shell:
        kernel = object()

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    assert kernel_is_live()
    monkeypatch.setenv("DEEPRESTORE_BUILD", "1")
    assert not kernel_is_live()
