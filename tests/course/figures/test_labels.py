"""Labels in a plot: below each, once it is taken away, the paper is empty."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from deeprestore_lab.course.figures.labels import place_labels

X = np.linspace(-2, 2, 41)
BOWL, HILL, FALL = X**2, -(X**2), -np.exp(X)


def drawn(lines, legend=False, **labelled):
    drawing = Drawing(figsize=(5.6, 3.5), layout="constrained")
    axes = drawing.subplots()
    axes.spines[["top", "right"]].set_visible(False)  # as in the course's plots
    for k, y in enumerate(lines):
        axes.plot(X, y, label=f"line {k}", marker="o" if k else None)
    for x, y in labelled.get("marks", {}).values():
        axes.plot([x], [y], "kD", markersize=8)
    for y in labelled.get("levels", {}).values():
        axes.axhline(y, linestyle="--")
    if legend:
        axes.legend(loc="upper right")
    labels = place_labels(drawing, axes, marks=labelled.get("marks", {}), levels=labelled.get("levels", {}))
    return drawing, axes, labels


def ink(drawing, labels):
    """Each label's box, and how many pixels everything else draws in it."""
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    boxes = [label.get_window_extent() for label in labels]
    assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])
    drawing.set_layout_engine("none")  # nothing moves up into the free place
    for label in labels:
        label.set_visible(False)
    canvas.draw()
    paper = np.asarray(canvas.buffer_rgba())[::-1, :, :3].min(-1)  # the first row is the lowest
    return boxes, [int((paper[round(b.y0) + 2 : round(b.y1), round(b.x0) : round(b.x1)] < 200).sum()) for b in boxes]


@pytest.mark.parametrize(
    ("lines", "marks"),
    [
        ([BOWL], {"the best weight of all": (0.0, 0.0)}),
        ([HILL], {"best": (0.0, 0.0), "a neighbour": (0.5, -0.25)}),
        ([FALL, HILL], {"on a slope": (1.5, float(-np.exp(1.5)))}),
        ([FALL, HILL], {"at the end": (2.0, -4.0), "at the other": (-2.0, -4.0)}),
    ],
)
def test_a_label_of_a_point_covers_nothing(lines, marks):
    drawing, axes, labels = drawn(lines, marks=marks)
    boxes, covered = ink(drawing, labels)
    assert covered == [0] * len(marks)
    frame = axes.get_window_extent()
    for box, point in zip(boxes, marks.values(), strict=True):
        at = axes.transData.transform(point)
        assert frame.x0 <= box.x0 and box.y0 >= frame.y0 and box.x1 <= drawing.bbox.x1
        away = np.maximum(np.maximum([box.x0, box.y0] - at, at - [box.x1, box.y1]), 0)
        assert np.hypot(*away) < 50  # beside its own point


def test_a_label_of_a_level_leaves_the_end_where_a_line_is():
    rising = 1 - np.exp(-X - 2)  # ends just below the level
    drawing, axes, labels = drawn([rising, rising], levels={"the limit": 1.0})
    boxes, covered = ink(drawing, labels)
    assert covered == [0] and boxes[0].x1 < axes.get_window_extent().width / 2  # at the left
    drawing, axes, labels = drawn([-rising], levels={"the limit": 1.0})
    boxes, covered = ink(drawing, labels)
    assert covered == [0] and boxes[0].x1 > axes.get_window_extent().width * 0.9  # free: at the right


def test_a_label_stays_off_the_legend():
    drawing, axes, labels = drawn([-BOWL], legend=True, levels={"a level": -0.1}, marks={"a mark": (1.2, -0.4)})
    legend = axes.get_legend().get_window_extent()
    assert not any(label.get_window_extent().overlaps(legend) for label in labels)


def test_where_nothing_is_free_the_label_is_there_all_the_same():
    drawing, _, labels = drawn([np.sin(20 * k + 9 * X) for k in range(60)], marks={"lost": (0.0, 0.0)})
    assert [label.get_text() for label in labels] == ["lost"] and ink(drawing, labels)[1][0] > 0
