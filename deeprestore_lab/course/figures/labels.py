"""Labels in a plot: each stands where it covers no line, dot or other label, if such a place is beside its point."""

from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

# Places beside a point: the offset in points, and which side of the label is there. The first that is free is taken.
BESIDE = (
    ((0, 9), "center", "bottom"),
    ((9, 0), "left", "center"),
    ((-9, 0), "right", "center"),
    ((7, 7), "left", "bottom"),
    ((-7, 7), "right", "bottom"),
    ((0, 20), "center", "bottom"),
    ((0, 32), "center", "bottom"),
    ((0, -9), "center", "top"),
    ((7, -7), "left", "top"),
    ((-7, -7), "right", "top"),
)
# Along a level: the share of the axes' width, and which side of the label is there, above the line or below it.
ALONG = ((0.99, "right", "bottom"), (0.01, "left", "bottom"), (0.99, "right", "top"), (0.01, "left", "top"))
NEAR = 2.0  # pixels between a label and what it must not touch
HALO = (withStroke(linewidth=3, foreground="white"),)  # a label on a line is read


def place_labels(
    drawing: Drawing, axes: Axes, *, marks: Mapping[str, tuple[float, float]], levels: Mapping[str, float]
) -> list[Annotation]:
    """Label levels y at an end of the axes and marks (x, y) beside their points, where it is free.

    What counts is where lines, dots and the legend stand in the drawing without the labels, which is laid out for that.
    """
    if marks or levels:
        drawing.draw_without_rendering()
    placed = []
    for name, y in levels.items():
        label = axes.annotate(
            name,
            (0.99, y),
            xytext=(0, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            color="#333333",
            path_effects=HALO,
        )
        crossing = [line for line in axes.lines if set(line.get_ydata()) != {y}]  # all but its own
        _place(label, [((share, y), (0, 0), *sides) for share, *sides in ALONG], crossing, placed)
        placed.append(label)
    for name, point in marks.items():
        label = axes.annotate(name, point, xytext=(0, 9), textcoords="offset points", path_effects=HALO)
        _place(label, [(point, *place) for place in BESIDE], axes.lines, placed)
        placed.append(label)
    return placed


def _place(label: Annotation, places: list[tuple], lines: Iterable[Line2D], placed: list[Annotation]) -> None:
    """Move the label to where it costs least: 1 for each thing it covers, 1/2 for leaving the axes not upwards."""
    frame, legend = label.axes.get_window_extent(), label.axes.get_legend()
    others = [other.get_window_extent() for other in [*placed, *([legend] if legend else [])]]

    def cost(place: tuple) -> float:
        _move(label, *place)
        box = label.get_window_extent()
        near = box.padded(NEAR)
        outside = box.x0 < frame.x0 or box.x1 > frame.x1 or box.y0 < frame.y0
        return sum(_meets(line, near) for line in lines) + sum(map(near.overlaps, others)) + 0.5 * outside

    _move(label, *min(places, key=cost))


def _move(label: Annotation, xy: tuple[float, float], offset: tuple[float, float], ha: str, va: str) -> None:
    label.xy = xy
    label.set(position=offset, ha=ha, va=va)


def _meets(line: Line2D, box: Bbox) -> bool:
    """Whether the line, or one of its dots, is in the box."""
    path = line.get_path().transformed(line.get_transform())
    dots = line.get_marker() not in (None, "None", "")
    radius = line.get_markersize() / 2 * line.figure.dpi / 72 if dots else 0.0
    drawn = line.get_linestyle() != "None" and path.intersects_bbox(box, filled=False)
    return drawn or bool(box.padded(radius).count_contains(path.vertices))
