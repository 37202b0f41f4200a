"""Line plots: what was given is drawn, in colours that stay apart, as a picture with words."""

from __future__ import annotations

import base64
import re
import warnings
from itertools import combinations, count

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure as Drawing

from deeprestore_lab.course.figures import curves, plot
from deeprestore_lab.course.figures.plots import COLOURS, place_legend, plain_numbers, svg

WORDS = {"x_label": "step", "y_label": "energy", "alt": "Energy by step", "see": "It falls."}


def svg_of(figure) -> str:
    return base64.b64decode(re.search(r"data:image/svg\+xml;base64,([^\"]+)", figure.html)[1]).decode()


def test_curves_are_one_picture_with_words():
    figure = curves({"ours": [3.0, 2.0, 1.0], "theirs": ([1, 2], [3, 4])}, **WORDS)
    assert figure.html.count("<img") == 1 and 'alt="Energy by step"' in figure.html
    assert "<figcaption>It falls.</figcaption>" in figure.html
    svg = svg_of(figure)
    assert COLOURS[0].lower() in svg.lower() and COLOURS[1].lower() in svg.lower()


def test_names_stand_in_place_of_numbers():
    named = svg_of(curves({"a": [1.0, 2.0, 3.0]}, x_names=["relu1_1", "pool1", "relu2_1"], **WORDS))
    places = [named.find(f"<!-- {name} -->") for name in ("relu1_1", "pool1", "relu2_1")]
    assert -1 < places[0] < places[1] < places[2]
    assert "relu1_1" not in svg_of(curves({"a": [1.0, 2.0, 3.0]}, **WORDS))
    with pytest.raises(ValueError, match="x_names"):
        curves({"a": [1.0, 2.0]}, x_names=["one", "two"], log_x=True, **WORDS)


def test_the_same_curves_give_the_same_bytes():
    first, second = (curves({"a": torch.arange(5.0)}, **WORDS).html for _ in range(2))
    assert first == second


def test_rasterised_dots_are_lines_and_a_picture_among_them_is_not():
    kinds = []
    for shown in ("plot", "imshow", "pcolormesh"):
        drawing = Drawing()
        axes = drawing.subplots()
        axes.plot([0, 1], [1, 0], ".", rasterized=True)
        if shown != "plot":
            getattr(axes, shown)([[0.0, 1.0], [1.0, 0.0]]).set_rasterized(True)
        drawn = svg_of(plot(drawing, alt="Dots", see="Dots."))
        assert "<image" in drawn
        kinds.append(re.search(r"<svg ([^>]*)>", drawn)[1].startswith('class="lines"'))
    assert kinds == [True, False, False]
    assert 'class="lines"' not in svg_of(curves({"a": [1.0, 2.0]}, **WORDS))  # needs no word: nothing in it is pixels


def test_no_figure_stays_open():
    drawing, _ = plt.subplots()
    plot(drawing, alt="An empty plot", see="Nothing.")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("line", [[], ([1, 2], [1, 2, 3]), [[1, 2], [3, 4]]])
def test_lines_that_do_not_match_are_refused(line):
    with pytest.raises(ValueError, match="'a'"):
        curves({"a": line}, **WORDS)


@pytest.mark.parametrize("word", ["x_label", "y_label", "alt", "see"])
def test_words_are_required(word):
    with pytest.raises(ValueError, match=word):
        curves({"a": [1, 2]}, **(WORDS | {word: ""}))


def test_only_a_drawing_can_be_plotted():
    with pytest.raises(ValueError, match="matplotlib figure"):
        plot("x", alt="a", see="b")


def test_empty_plot_is_refused():
    with pytest.raises(ValueError, match="at least one line"):
        curves({}, **WORDS)


def linear(colour: str) -> torch.Tensor:
    """The colour in linear light, from the sRGB definition."""
    c = torch.tensor([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], dtype=torch.float64)
    return torch.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


# Machado, Oliveira and Fernandes (2009), severity 1.0.
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]


@pytest.mark.parametrize("deficiency", [DEUTERANOPIA, PROTANOPIA], ids=["deuteranopia", "protanopia"])
def test_the_first_colours_stay_apart_under_colour_vision_deficiencies(deficiency):
    from skimage.color import rgb2lab

    matrix = torch.tensor(deficiency, dtype=torch.float64)
    seen = [(matrix @ linear(colour)).clamp(0, 1) for colour in COLOURS[:4]]
    back = [torch.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055) for c in seen]
    lab = [torch.from_numpy(rgb2lab(c.reshape(1, 1, 3).numpy())).flatten() for c in back]
    assert min((one - two).norm() for one, two in combinations(lab, 2)) > 15  # ten times a just noticeable difference


def test_lines_differ_without_colour_too():
    """Printed in grey: each of seven lines is drawn with dashes of its own."""
    drawn = svg_of(curves({f"line {i}": [float(i), i + 1.0, i + 2.0] for i in range(len(COLOURS))}, **WORDS))
    dashes = {}
    for style in re.findall(r'style="fill: none; ([^"]*)"', drawn):
        colour = re.search(r"stroke: (#\w+)", style)
        if colour and colour[1].upper() in COLOURS:
            found = re.search(r"stroke-dasharray: ([\d.,]+)", style)
            dashes.setdefault(colour[1].upper(), set()).add(found[1] if found else "none")
    assert set(dashes) >= set(COLOURS[:-1]) and all(len(own) == 1 for own in dashes.values())
    lines = [own for colour, own in dashes.items() if colour != "#000000"]  # the frame is black and whole
    assert len(set().union(*lines)) == len(lines) == len(COLOURS) - 1


def height_of(lines: dict[str, list[float]]) -> int:
    figure = curves(lines, x_label="a", y_label="b", alt="c", see="d")
    return int(re.search(r'height="(\d+)"', figure.html).group(1))


def test_a_legend_that_lines_would_run_through_stands_above_them():
    beside = {"rises": [0.0, 0.1, 1.0], "rises later": [0.0, 0.0, 0.9]}  # the upper left is free
    everywhere = {f"level {i}": [i / 12] * 20 for i in range(13)}
    assert height_of(beside) == round(3.5 * 96) < height_of(everywhere)


def test_a_legend_above_the_axes_is_no_wider_than_the_drawing():
    drawing = Drawing(figsize=(5.6, 3.5), layout="constrained")
    axes = drawing.subplots()
    for i in range(13):
        axes.plot([i / 12] * 20, label=f"{i} WWWWWWWWWWWW")
    place_legend(drawing, axes)
    drawing.draw_without_rendering()
    assert 0 < drawing.legends[0].get_window_extent().width <= drawing.bbox.width


def test_a_slow_machine_gets_no_warning_for_a_legend(monkeypatch):
    seconds = count(step=5.0)
    monkeypatch.setattr("matplotlib.legend.time.perf_counter", lambda: next(seconds))
    drawing = Drawing()
    drawing.subplots().plot([0, 1], label="a line")
    drawing.axes[0].legend()
    with pytest.warns(UserWarning, match='loc="best" can be slow'):
        drawing.draw_without_rendering()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg(drawing)
        curves({"a": [0, 1], "b": [1, 0]}, **WORDS)


def words_of(axis) -> list[str]:
    axis.figure.draw_without_rendering()
    low, high = sorted(axis.get_view_interval())
    labels = [*axis.get_majorticklabels(), *axis.get_minorticklabels()]
    at = [*axis.get_majorticklocs(), *axis.get_minorticklocs()]
    texts = [label.get_text() for label in labels]
    return [text for place, text in zip(at, texts, strict=True) if text and low <= place <= high]


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((0.015, 0.12), ["0.02", "0.05", "0.1"]),
        ((0.5, 600), ["1", "10", "100"]),
        ((2.1, 4.4), ["2.5", "3", "3.5", "4"]),
        ((1e-9, 1e-2), None),  # powers of ten, as matplotlib writes them
    ],
)
def test_a_logarithmic_axis_shows_plain_numbers(interval, words):
    axes = Drawing().subplots()
    axes.set(yscale="log", ylim=interval)
    plain_numbers(axes)
    found = words_of(axes.yaxis)
    assert found == words if words else all(word.startswith("$\\mathdefault{10^{") for word in found)


def test_a_figure_of_ones_own_gets_plain_numbers_but_keeps_its_own_labels():
    drawing = Drawing()
    plain, own = drawing.subplots(1, 2)
    plain.set(yscale="log", ylim=(8, 90))
    own.set(yscale="log", ylim=(8, 90))
    own.yaxis.set_major_formatter(lambda value, _: f"<{value:g}>")
    drawn = svg_of(plot(drawing, alt="Two axes", see="Numbers."))
    assert (
        all(f"<!-- {number} -->" in drawn for number in (10, 20, 50)) and "mathdefault" not in drawn.split("axes_2")[0]
    )
    assert "&lt;10&gt;" in drawn or "<10>" in drawn


def test_a_signed_axis_shows_both_signs_of_what_differs_by_decades():
    drawn = svg_of(curves({"a": [-1e6, -1.0, 0.0, 1.0, 1e6]}, log_y=10.0, **WORDS))
    (path,) = re.findall(r'<path d="([^"]+)" [^>]*style="fill: none; stroke: #0072b2', drawn)
    heights = [float(y) for _, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)]
    steps = [a - b for a, b in zip(heights[:-1], heights[1:], strict=True)]
    assert steps[0] == pytest.approx(steps[3], rel=1e-3) and steps[1] == pytest.approx(steps[2], rel=1e-3)
    assert steps[1] > 1 and steps[0] < 60 * steps[1]  # on a linear axis a million times as long
    with pytest.raises(ValueError, match="log_y"):
        curves({"a": [1.0]}, log_y=-1.0, **WORDS)


def test_a_long_label_of_the_y_axis_takes_two_lines():
    long = "squared error of one expert on a thousand patches"
    drawn = svg_of(curves({"a": [1.0, 2.0]}, **(WORDS | {"y_label": long})))
    assert f"<!-- {long} -->" not in drawn and "<!-- squared error of one expert on a" in drawn
