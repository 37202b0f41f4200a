"""Slider figures: they slide in a page without a kernel, and solve for any setting with one."""

from deeprestore_lab.course.widgets.live import Live
from deeprestore_lab.course.widgets.scrubbing import scrub
from deeprestore_lab.course.widgets.sliders import SliderFigure, slider_figure

__all__ = ["Live", "SliderFigure", "scrub", "slider_figure"]
