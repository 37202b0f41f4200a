"""Denoisers that others are measured against: filters, total variation, a thresholded frame, each tuned by name."""

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
    "fit_linear_filter",
    "gaussian_filter",
    "median_filter",
    "thresholded_frame",
    "total_variation",
    "tune",
]
