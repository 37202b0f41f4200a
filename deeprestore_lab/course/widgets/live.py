"""Live sliders: with a kernel at hand, solve for exactly the setting asked, the last one asked first."""

import inspect
import math
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from html import escape

import ipywidgets

from deeprestore_lab.course.widgets.grid import CONTROL, LAYOUT, Axis, default_label


def kernel_is_live() -> bool:
    """Whether a reader sits at a kernel: one is running, and it is not building the book."""
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None and os.environ.get("DEEPRESTORE_BUILD") != "1"


def takes_warm(function: Callable) -> bool:
    """Whether the function can start from its last result, given as `warm`. Raises `ValueError` if it must."""
    parameter = inspect.signature(function).parameters.get("warm")
    if parameter is not None and parameter.default is inspect.Parameter.empty:
        raise ValueError("the argument `warm` of a slider figure's function needs a default: the first solve has none")
    return parameter is not None


def live_control(axis: Axis) -> ipywidgets.Widget:
    """A control for any value between the grid's ends: logarithmic where the grid grows by factors."""
    shared = {"description": axis.title, "style": {"description_width": "initial"}}
    if axis.is_text:
        options = list(zip(axis.labels, axis.values, strict=True))
        shared["style"] |= {"button_width": "auto"}
        return ipywidgets.ToggleButtons(options=options, value=axis.values[axis.start], **shared)
    low, high, start = min(axis.values), max(axis.values), axis.values[axis.start]
    shared |= {"layout": LAYOUT(**CONTROL), "value": start}
    if all(isinstance(value, int) for value in axis.values):
        return ipywidgets.IntSlider(min=low, max=high, **shared)
    if low > 0 and high / low >= 20:
        log = ipywidgets.FloatLogSlider(base=10, readout_format=".3g", **shared | {"min": -300, "max": 300})
        log.min, log.max = math.log10(low), math.log10(high)
        log.step = _step(log.min, math.log10(start), about=0.01)
        return log
    step = _step(low, start, about=(high - low) / 200 or 0.1)
    return ipywidgets.FloatSlider(min=low, max=high, step=step, readout_format=".3g", **shared)


def _step(low: float, start: float, *, about: float) -> float:
    """A step that leads from `low` exactly to `start`: a page moves a slider to its nearest stop and reports that."""
    return (start - low) / max(1, math.ceil((start - low) / about)) or about


def _is_move(change: dict) -> bool:
    """Whether a reader moved the control, or the page only sent back its value, rounded, as it does at first."""
    old, new = change["old"], change["new"]
    return isinstance(new, str | bool) or not math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12)


class Live:
    """Solves in a thread of its own. While it works the sliders stay free; of several requests the last one wins.

    `solve(settings, warm)` gives the function's result, `render(settings, labels, result)` its HTML, `shown()` is
    called when a picture is there.
    """

    def __init__(self, axes: Sequence[Axis], *, solve: Callable, render: Callable, shown: Callable[[], None]) -> None:
        self.axes, self._solve, self._render, self._shown = list(axes), solve, render, shown
        self.controls = {axis.name: live_control(axis) for axis in axes}
        self.picture = ipywidgets.HTML(layout=LAYOUT(margin="0"))
        self.status = ipywidgets.HTML(_status("Move a slider: this setting is then solved for, not looked up."))
        self.error: Exception | None = None
        self._lock, self._asked, self._working = threading.Lock(), None, False
        self._idle = threading.Event()
        self._idle.set()
        self._warm = None
        for control in self.controls.values():
            control.observe(lambda change: self.ask() if _is_move(change) else None, names="value")
        title = ipywidgets.HTML('<div class="drl-live-title" style="font-weight:600">Live: any value, solved now</div>')
        self.box = ipywidgets.VBox(
            [title, *self.controls.values(), self.status], layout=LAYOUT(align_items="center", overflow="hidden")
        )
        self.box.add_class("drl-live")

    @property
    def settings(self) -> dict:
        """What the live controls ask for."""
        return {name: control.value for name, control in self.controls.items()}

    def ask(self) -> None:
        """Ask for the settings of the controls; an older request that has not begun is dropped."""
        with self._lock:
            self._asked = self.settings
            self._idle.clear()
            if self._working:
                return
            self._working = True
        self.status.value = _status("solving…")
        threading.Thread(target=self._work, daemon=True).start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being solved; whether that came to pass in `timeout` seconds."""
        return self._idle.wait(timeout)

    def _work(self) -> None:
        while True:
            with self._lock:
                settings, self._asked = self._asked, None
                if settings is None:
                    self._working = False
                    self._idle.set()
                    return
            self._one(settings)

    def _one(self, settings: dict) -> None:
        began = time.perf_counter()
        try:
            outcome = self._solve(settings, self._warm)
            labels = {axis.name: self._label(axis, settings[axis.name]) for axis in self.axes}
            html = self._render(settings, labels, outcome)
        except Exception as error:  # a reader's mistake belongs on the page, not in a log nobody opens
            self.error = error
            details = escape("".join(traceback.format_exception(error)))
            message = f"{type(error).__name__}: {escape(str(error))}"
            self.status.value = (
                f'<div role="alert" style="color:#b00020">{message}<details><summary>where</summary>'
                f"<pre>{details}</pre></details></div>"
            )
            return
        self.error, self._warm = None, outcome
        self.picture.value = html
        self._shown()
        asked = ", ".join(f"{axis.title} {labels[axis.name]}" for axis in self.axes)
        self.status.value = _status(f"{asked}: solved in {_duration(time.perf_counter() - began)}")

    @staticmethod
    def _label(axis: Axis, value) -> str:
        return axis.labels[axis.values.index(value)] if value in axis.values else default_label(value)


def _status(text: str) -> str:
    return f'<div role="status" class="drl-status">{escape(text)}</div>'


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
