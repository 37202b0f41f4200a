"""Denoisers that others are measured against: tuned by name, or made for a kind of damage that is known."""

from deeprestore_lab.baselines.bm3d import bm3d
from deeprestore_lab.baselines.informed import fill, stabilised_frame, unlike
from deeprestore_lab.baselines.linear_filter import LinearFilter, fit_linear_filter
from deeprestore_lab.baselines.methods import (
    METHODS,
    Tuned,
    gaussian_filter,
    median_filter,
    thresholded_frame,
    total_variation,
    tune,
)

__all__ = [
    "METHODS",
    "LinearFilter",
    "Tuned",
    "bm3d",
    "fill",
    "fit_linear_filter",
    "gaussian_filter",
    "median_filter",
    "stabilised_frame",
    "thresholded_frame",
    "total_variation",
    "tune",
    "unlike",
]
