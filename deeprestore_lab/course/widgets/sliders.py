"""Slider figures: one function of its settings, shown over a grid without a kernel, and live with one."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

import ipywidgets
import torch

from deeprestore_lab.core.checks import check_choice
from deeprestore_lab.course.figures.encoding import FORMATS, check_text, picture
from deeprestore_lab.course.figures.rows import figure_html, row_html, tile
from deeprestore_lab.course.widgets.grid import LAYOUT, Axis, Value, combinations, labels_at, make_axes, settings_at
from deeprestore_lab.course.widgets.live import Live, kernel_is_live, takes_warm
from deeprestore_lab.course.widgets.rendering import Alt, display_names, render

WIDGET_BYTES = 500  # what a widget adds to the page besides its picture


class SliderFigure(ipywidgets.VBox):
    """Pictures in stacks, chosen by sliders through links that live in the page, and a caption.

    `controls` maps each setting to its slider or toggle buttons, `pages` each index tuple of the grid to its
    HTML, `live` holds the live controls where there is a kernel, else None. Raises `ValueError` for a caption that is
    no text.
    """

    def __init__(
        self, axes: Sequence[Axis], pages: Mapping[tuple[int, ...], str], *, beside: str, caption: str
    ) -> None:
        self.axes, self.pages, self.live = list(axes), dict(pages), None
        self.caption, self._beside = check_text(caption, name="caption"), beside
        self.controls = {axis.name: axis.control() for axis in axes}
        self._links = []
        shared = LAYOUT(margin="0", min_width="0", max_width="100%"), ipywidgets.HTML().style
        unique = {html: ipywidgets.HTML(html, layout=shared[0], style=shared[1]) for html in set(pages.values())}
        stacked = LAYOUT(margin="0", max_width="100%", overflow="hidden")
        # With a kernel a second page holds the live picture.
        self.shown = ipywidgets.Stack([self._stack((), unique, stacked)], selected_index=0, layout=stacked)
        self._fixed = [ipywidgets.HTML(beside, layout=shared[0], style=shared[1])] if beside else []
        row = ipywidgets.Box([*self._fixed, self.shown], layout=_wrapping())
        row.add_class("drl-pictures")
        controls = ipywidgets.VBox(list(self.controls.values()), layout=LAYOUT(align_items="center", overflow="hidden"))
        words = ipywidgets.HTML(f'<div class="drl-caption">{escape(caption)}</div>')
        super().__init__([row, controls, words], layout=LAYOUT(overflow="hidden"))
        self.add_class("drl-slider-figure")

    def _stack(self, at: tuple[int, ...], unique: dict[str, ipywidgets.HTML], layout) -> ipywidgets.Widget:
        if len(at) == len(self.axes):
            return unique[self.pages[at]]
        axis = self.axes[len(at)]
        children = [self._stack((*at, i), unique, layout) for i in range(len(axis.values))]
        stack = ipywidgets.Stack(children, selected_index=axis.start, layout=layout)
        self._links.append(ipywidgets.jslink((self.controls[axis.name], "index"), (stack, "selected_index")))
        return stack

    def add_live(self, live: Live) -> None:
        """Put live controls under the sliders; whichever was moved last is shown."""
        self.live = live
        self.shown.children = [*self.shown.children, live.picture]
        self.children = [*self.children[:-1], live.box, self.children[-1]]
        for control in self.controls.values():
            control.observe(lambda change: self.show_grid(), names="index")

    def show_grid(self) -> None:
        """Show the grid's picture."""
        self.shown.selected_index = 0

    def show_live(self) -> None:
        """Show the live picture."""
        self.shown.selected_index = 1

    def default_html(self) -> str:
        """The picture at the start setting as plain HTML, for pages without scripts."""
        at = tuple(axis.start for axis in self.axes)
        chosen = ", ".join(f"{axis.title} {axis.labels[axis.start]}" for axis in self.axes)
        see = f"{self.caption} (Shown at {chosen}; the sliders need JavaScript.)"
        page = f'<div style="min-width:0">{self.pages[at]}</div>'  # its line of text stands under it alone
        return figure_html(row_html([self._beside, page] if self._beside else [page]), see=see)

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        data = {"text/plain": f"Slider figure: {self.caption}", "application/vnd.jupyter.widget-view+json": view}
        display(data, raw=True)
        if kernel_is_live():
            display_names()
        else:
            display(HTML(f"<noscript>{self.default_html()}</noscript>"))


def slider_figure(
    function: Callable,
    settings: Mapping[str, Sequence[Value]],
    *,
    alt: Alt,
    caption: str,
    start: Mapping[str, Value] | None = None,
    titles: Mapping[str, str] | None = None,
    formats: Mapping[str, str | Callable[[Value], str]] | None = None,
    beside: Mapping[str, torch.Tensor | tuple[torch.Tensor, str]] | None = None,
    batched: bool = False,
    live: bool | None = None,
    zoom: int | None = None,
    format: str = "webp",
    max_pictures: int = 150,
    max_megabytes: float = 2.5,
) -> SliderFigure:
    """A figure whose picture follows one or two sliders, and rows of toggle buttons as a third and a fourth setting.

    `function(**settings)` gives an image in [0, 1] `(1, C, H, W)`, a mapping of labels to images, a matplotlib
    figure or HTML; or a pair of that and a line of text, such as its PSNR. It is called once for every
    combination of `settings`, a mapping of argument names to their values: numbers make a slider, words (and
    any third or fourth setting) toggle buttons. With `batched` it is called once, with a list of all settings, and
    returns a list: a sweep of weights is then one batch.

    `alt` says what each picture shows: a format string that may name the settings and `{text}`, or a function
    of the settings. `caption` says what there is to see. `start` gives the first values (by default the middle
    ones), `titles` the settings' names in words, `formats` how their values read. `beside` maps labels to
    images that do not change, or to pairs of such an image and a line of text. `zoom` is a whole number of page
    pixels a pixel. `format`: see `figures.encode`.

    With a kernel (`live` None: unless the book is being built) further sliders ask for any value between the
    grid's ends, and the function solves for it, given its last result as `warm` if it has such an argument.

    Raises `ValueError` for settings that make no figure, for more than `max_pictures` pictures (before any is
    made) and for more than `max_megabytes` of page.
    """
    axes = make_axes(settings, start=start, titles=titles, formats=formats)
    check_choice(format, FORMATS, name="format")
    check_text(caption, name="caption")
    warm_known = takes_warm(function)
    count = _count(axes, max_pictures)
    look = {"alt": alt, "zoom": zoom, "format": format}
    tiles = [_fixed_tile(label, given, zoom, format) for label, given in (beside or {}).items()]
    every = list(combinations(axes))
    outcomes = _outcomes(function, [settings_at(axes, at) for at in every], batched)
    pages, weight = {}, 0
    for at, outcome in zip(every, outcomes, strict=True):
        pages[at] = render(outcome, **look, labels=labels_at(axes, at), settings=settings_at(axes, at))
        weight += len(pages[at]) + WIDGET_BYTES
        if weight > max_megabytes * 1e6:
            raise ValueError(
                f"{len(pages)} of {count} pictures already make {weight / 1e6:.1f} MB of page, more than "
                f"{max_megabytes} MB: use fewer values or smaller pictures"
            )
    figure = SliderFigure(axes, pages, beside=row_html(tiles) if tiles else "", caption=caption)
    if kernel_is_live() if live is None else live:

        def solve(asked: dict, warm):
            extra = {"warm": warm} if warm_known else {}
            return function([asked], **extra)[0] if batched else function(**asked, **extra)

        def page(asked: dict, labels: dict, outcome) -> str:
            return render(outcome, **look, labels=labels, settings=asked)

        figure.add_live(Live(axes, solve=solve, render=page, shown=figure.show_live))
    return figure


def _fixed_tile(label: str, given: torch.Tensor | tuple[torch.Tensor, str], zoom: int | None, format: str) -> str:
    image, text = given if isinstance(given, tuple) else (given, "")
    return tile(picture(image, alt=label, zoom=zoom, format=format), label=label, score=text)


def _wrapping() -> ipywidgets.Layout:
    return LAYOUT(
        display="flex",
        flex_flow="row wrap",
        justify_content="center",
        align_items="flex-start",
        overflow="hidden",
        grid_gap="0.75rem",
    )


def _count(axes: Sequence[Axis], max_pictures: int) -> int:
    sizes = [len(axis.values) for axis in axes]
    count = torch.Size(sizes).numel()
    if count > max_pictures:
        grid = " x ".join(map(str, sizes))
        raise ValueError(f"the settings make {count} pictures ({grid}), more than {max_pictures}: use fewer values")
    return count


def _outcomes(function: Callable, every: list[dict], batched: bool):
    if not batched:
        return (function(**settings) for settings in every)
    outcomes = list(function([dict(settings) for settings in every]))
    if len(outcomes) != len(every):
        raise ValueError(
            f"a batched function returns one result per setting: {len(every)} were asked, {len(outcomes)} came"
        )
    return outcomes
