"""Figures for the page: picture rows, line plots and the prior's card, each with alternative text and a caption."""

from deeprestore_lab.course.figures.cards import extreme_patches, prior_card, prior_spread
from deeprestore_lab.course.figures.encoding import encode, picture
from deeprestore_lab.course.figures.kernel_editor import kernel_editor
from deeprestore_lab.course.figures.plots import curves, plot
from deeprestore_lab.course.figures.rows import Figure, show
from deeprestore_lab.course.figures.sheets import filter_sheet
from deeprestore_lab.course.figures.tables import table
from deeprestore_lab.course.figures.wipe import wipe

__all__ = [
    "Figure",
    "curves",
    "encode",
    "extreme_patches",
    "filter_sheet",
    "kernel_editor",
    "picture",
    "plot",
    "prior_card",
    "prior_spread",
    "show",
    "table",
    "wipe",
]
