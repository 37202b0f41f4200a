"""Line plots, and any matplotlib drawing, as HTML pictures with alternative text."""

import io
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure as Drawing
from matplotlib.image import AxesImage, BboxImage, FigureImage
from matplotlib.ticker import FuncFormatter, LogFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from deeprestore_lab.core.checks import check_positive
from deeprestore_lab.course.figures.encoding import check_text, img_tag
from deeprestore_lab.course.figures.labels import place_labels
from deeprestore_lab.course.figures.rows import Figure, figure_html, row_html

# Okabe and Ito's colours, told apart under the common colour-vision deficiencies, with line styles and markers besides.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
LETTERS = 13  # of a legend in an inch
LETTERS_UP = 9.5  # of a label in an inch of the y axis and what is above and below it
PICTURES = AxesImage, BboxImage, FigureImage, QuadMesh  # what shows a picture in a drawing
LOOK = {
    "font.size": 11.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.edgecolor": "#555555",
    "axes.prop_cycle": mpl.cycler(color=COLOURS) + mpl.cycler(linestyle=STYLES),
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "deeprestore_lab",
    "axes.axisbelow": True,
}


def svg(drawing: Drawing) -> tuple[bytes, int, int]:
    """A matplotlib figure as SVG on white, with its width and height in page pixels.

    Where dots or lines are rasterised and no picture is shown, the class says so: it may turn dark with the page.
    """
    buffer = io.BytesIO()
    with mpl.rc_context({key: LOOK[key] for key in ("svg.fonttype", "svg.hashsalt")}), _without_haste():
        drawing.savefig(buffer, format="svg", facecolor="white", metadata={"Date": None})
    width, height = (round(96 * inches) for inches in drawing.get_size_inches())
    raw = buffer.getvalue()
    if b"<image" in raw and not drawing.findobj(lambda artist: isinstance(artist, PICTURES)):
        raw = raw.replace(b"<svg ", b'<svg class="lines" ', 1)
    return raw, width, height


def drawing_tag(drawing: Drawing, *, alt: str) -> str:
    """A matplotlib figure as an `<img>`."""
    raw, width, height = svg(drawing)
    return img_tag(raw, mime="image/svg+xml", alt=alt, width=width, height=height)


def plot(drawing: Drawing, *, alt: str, see: str) -> Figure:
    """A matplotlib figure of your own as an HTML figure with alternative text; it is closed for pyplot.

    Logarithmic axes with matplotlib's own labels get plain numbers where these are short.
    Raises `ValueError` for what is no figure of matplotlib, and for empty words.
    """
    if not isinstance(drawing, Drawing):
        raise ValueError(f"drawing must be a matplotlib figure, got {type(drawing).__name__}")
    for axes in drawing.axes:
        plain_numbers(axes)
    tag = drawing_tag(drawing, alt=alt)
    mpl._pylab_helpers.Gcf.destroy_fig(drawing)  # else the notebook would show it a second time, without words
    return Figure(figure_html(row_html([tag]), see=see), text=alt)


def curves(
    lines: Mapping[str, Sequence | tuple[Sequence, Sequence]],
    *,
    x_label: str,
    y_label: str,
    alt: str,
    see: str,
    log_x: bool = False,
    log_y: bool | float = False,
    marks: Mapping[str, tuple[float, float]] | None = None,
    levels: Mapping[str, float] | None = None,
    x_names: Sequence[str] | None = None,
    size: tuple[float, float] = (5.6, 3.5),
) -> Figure:
    """Lines in one plot: `lines` maps labels to y values, or to `(x values, y values)`.

    `marks` puts a labelled dot at (x, y), `levels` a labelled horizontal line, `x_names` a name below each of
    x = 0, 1, 2, ... in place of numbers (layers, say). A number as `log_y` makes that axis logarithmic on both sides of
    zero, and linear from minus that number to it. Lines differ in colour and in style. `size` is in inches of 96 page
    pixels; a label too long for the y axis takes two lines. Raises `ValueError` for lines that are empty or do not
    match, for names with `log_x`, and for a `log_y` that is neither a truth value nor above 0.
    """
    if not lines:
        raise ValueError("curves needs at least one line")
    if x_names is not None and (log_x or isinstance(x_names, str)):
        raise ValueError(f"x_names must be a sequence of names, and no log_x beside it; got {x_names!r}, log_x={log_x}")
    signed = None if isinstance(log_y, bool) else check_positive(log_y, name="log_y", single=True)
    with mpl.rc_context(LOOK):
        drawing = Drawing(figsize=size, layout="constrained")
        axes = drawing.subplots()
        for label, line in lines.items():
            x, y = _points(label, line)
            axes.plot(x, y, label=label, marker="o" if len(x) <= 12 else None, markersize=4.5)
        for level in (levels or {}).values():
            axes.axhline(level, color="#555555", linewidth=1.2, linestyle=(0, (2, 2)))
        for x, y in (marks or {}).values():
            axes.plot(
                [x], [y], marker="D", markersize=8, color="black", markerfacecolor="white", linestyle="none", zorder=5
            )
        axes.set(xlabel=check_text(x_label, name="x_label"))
        axes.set_ylabel(textwrap.fill(check_text(y_label, name="y_label"), int(LETTERS_UP * size[1])))
        axes.set_xscale("log" if log_x else "linear")
        if signed is None:
            axes.set_yscale("log" if log_y else "linear")
        else:
            axes.set_yscale("symlog", linthresh=signed)
        plain_numbers(axes)
        if x_names is not None:
            axes.set_xticks(range(len(x_names)), list(x_names), rotation=50, ha="right", rotation_mode="anchor")
        if len(lines) > 1:
            place_legend(drawing, axes)
        place_labels(drawing, axes, marks=marks or {}, levels=levels or {})
        return plot(drawing, alt=alt, see=see)


def plain_numbers(axes: Axes) -> None:
    """Label logarithmic axes 0.02, 0.05, 0.1 in place of powers of ten, where the numbers are short enough to read.

    An axis of less than two decades is labelled at 1, 2 and 5, a very short one at round numbers; one that leaves
    [0.0001, 100000] keeps its powers.
    """
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        own = isinstance(axis.get_major_formatter(), LogFormatter)  # not what the figure's author set
        if axis.get_scale() != "log" or not own or not 1e-4 <= low < high <= 1e5:
            continue
        if high / low < 5:
            axis.set_major_locator(MaxNLocator(5)), axis.set_minor_locator(NullLocator())
        elif high / low < 100:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5))), axis.set_minor_locator(NullLocator())
        else:
            axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


@contextmanager
def _without_haste() -> Iterator[None]:
    """No warning that the best place of a legend took over a second: a busy machine gets it for small plots too."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message='Creating legend with loc="best"')
        yield


def place_legend(drawing: Drawing, axes: Axes) -> None:
    """The legend inside the axes where no line runs through it, else above them; the figure grows by its rows."""
    legend = axes.legend()
    with _without_haste():
        drawing.draw_without_rendering()
        box = legend.get_window_extent()
    paths = (line.get_path().transformed(line.get_transform()) for line in axes.lines)
    if not any(path.intersects_bbox(box, filled=False) for path in paths):
        return
    handles, labels = axes.get_legend_handles_labels()
    legend.remove()
    columns = max(1, min(len(labels), int(LETTERS * drawing.get_figwidth() / (max(map(len, labels)) + 6))))
    legend = drawing.legend(handles, labels, loc="outside upper left", ncols=columns)
    while columns > 1 and legend.get_window_extent().width > drawing.bbox.width:  # the letters are only counted
        legend.remove()
        columns -= 1
        legend = drawing.legend(handles, labels, loc="outside upper left", ncols=columns)
    drawing.set_figheight(drawing.get_figheight() + 0.24 * -(-len(labels) // columns))


def _points(label: str, line: Sequence | tuple[Sequence, Sequence]) -> tuple[np.ndarray, np.ndarray]:
    x, y = line if isinstance(line, tuple) and len(line) == 2 else (None, line)
    y = _numbers(y)
    x = np.arange(len(y)) if x is None else _numbers(x)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(f"line {label!r} needs as many x as y values in one row, got shapes {x.shape} and {y.shape}")
    return x, y


def _numbers(values: Sequence | torch.Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values, dtype=float)
