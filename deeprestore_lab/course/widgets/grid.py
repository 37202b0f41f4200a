"""The settings of a slider figure: which values each control offers, how they read, and the grid they span."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

import ipywidgets
import torch

Value = float | int | str | bool
LAYOUT = ipywidgets.Layout  # short for the many uses below
CONTROL = {"width": "100%", "max_width": "34rem"}


@dataclass(frozen=True)
class Axis:
    """One setting: its argument name, the name a reader sees, its values and their labels, and its start."""

    name: str
    title: str
    values: tuple[Value, ...]
    labels: tuple[str, ...]
    start: int
    as_toggles: bool

    @property
    def is_text(self) -> bool:
        """Whether the values are words (or yes and no), not numbers."""
        return any(isinstance(value, str | bool) for value in self.values)

    def control(self) -> ipywidgets.Widget:
        """The slider or the row of toggle buttons, with nothing that needs a kernel."""
        options = list(zip(self.labels, range(len(self.labels)), strict=True))
        shared = {"options": options, "index": self.start, "description": self.title}
        style = {"description_width": "initial"}
        if self.as_toggles:
            return ipywidgets.ToggleButtons(**shared, style=style | {"button_width": "auto"})
        return ipywidgets.SelectionSlider(**shared, style=style, layout=LAYOUT(**CONTROL))


def make_axes(
    settings: Mapping[str, Sequence[Value]],
    *,
    start: Mapping[str, Value] | None = None,
    titles: Mapping[str, str] | None = None,
    formats: Mapping[str, str | Callable[[Value], str]] | None = None,
) -> list[Axis]:
    """The axes of a grid of settings. Raises `ValueError` for anything that makes no slider figure."""
    if not isinstance(settings, Mapping) or not 1 <= len(settings) <= 4:
        raise ValueError(f"settings must map one to four names to their values, got {settings!r}")
    for what, given in {"start": start, "titles": titles, "formats": formats}.items():
        unknown = set(given or {}) - set(settings)
        if unknown:
            raise ValueError(f"{what} names no setting: {', '.join(sorted(unknown))} (settings: {', '.join(settings)})")
    axes = []
    for name, given in settings.items():
        values = _values(name, given)
        text = any(isinstance(value, str | bool) for value in values)
        labels = tuple(_label(value, (formats or {}).get(name)) for value in values)
        title = (titles or {}).get(name, name.replace("_", " "))
        _check_readable(name, title, labels)
        first = values.index(start[name]) if start and _in(start, name, values) else (0 if text else len(values) // 2)
        axes.append(Axis(name, title, values, labels, first, as_toggles=text or len(axes) >= 2))
    if len([axis for axis in axes if not axis.as_toggles]) > 2:
        raise ValueError("a slider figure has two sliders at most; make the third setting a row of a few words")
    return axes


def combinations(axes: Sequence[Axis]) -> Iterator[tuple[int, ...]]:
    """Every index tuple of the grid, the last axis fastest."""
    return itertools.product(*(range(len(axis.values)) for axis in axes))


def settings_at(axes: Sequence[Axis], at: Sequence[int]) -> dict[str, Value]:
    """The settings at an index tuple."""
    return {axis.name: axis.values[i] for axis, i in zip(axes, at, strict=True)}


def labels_at(axes: Sequence[Axis], at: Sequence[int]) -> dict[str, str]:
    """The labels at an index tuple."""
    return {axis.name: axis.labels[i] for axis, i in zip(axes, at, strict=True)}


def default_label(value: Value) -> str:
    """A value as a reader sees it: numbers with at most three digits that count.

    >>> default_label(0.30000001), default_label(12), default_label(True), default_label("blur")
    ('0.3', '12', 'yes', 'blur')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else f"{value:.3g}"


def _label(value: Value, format: str | Callable[[Value], str] | None) -> str:
    if format is None:
        return default_label(value)
    return format(value) if callable(format) else format.format(value)


def _values(name: str, given: Sequence[Value]) -> tuple[Value, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence | torch.Tensor) and not hasattr(given, "tolist"):
        raise ValueError(f"setting {name!r} needs a list of values, got {given!r}")
    values = tuple(given.tolist() if hasattr(given, "tolist") else given)
    values = tuple(v.item() if hasattr(v, "item") else v for v in values)
    if not values or not all(isinstance(v, str | bool) or isinstance(v, Real) and math.isfinite(v) for v in values):
        raise ValueError(f"setting {name!r} needs at least one value, each a finite number or a word, got {given!r}")
    if len({isinstance(v, str) for v in values}) > 1:
        raise ValueError(f"setting {name!r} mixes numbers and words: {given!r}")
    return values


def _in(start: Mapping[str, Value], name: str, values: tuple[Value, ...]) -> bool:
    if name not in start:
        return False
    if start[name] not in values:
        raise ValueError(f"start of {name!r} must be one of its values {values}, got {start[name]!r}")
    return True


def _check_readable(name: str, title: str, labels: tuple[str, ...]) -> None:
    if len(set(labels)) < len(labels):
        raise ValueError(f"two values of {name!r} read the same ({', '.join(labels)}); give it a finer format")
    formulas = [text for text in (title, *labels) if "$" in text or "\\" in text or not text.strip()]
    if formulas:
        raise ValueError(f"labels of controls are plain words, without formulas, got {formulas[0]!r} for {name!r}")
