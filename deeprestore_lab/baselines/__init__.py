"""Methods that others are measured against: denoisers, tuned by name or made for known damage, and one as a prior."""

from deeprestore_lab.baselines.annealed import annealed_denoising
from deeprestore_lab.baselines.bm3d import bm3d
from deeprestore_lab.baselines.epll import epll, patch_mixture
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
    "annealed_denoising",
    "bm3d",
    "epll",
    "fill",
    "fit_linear_filter",
    "gaussian_filter",
    "median_filter",
    "patch_mixture",
    "stabilised_frame",
    "thresholded_frame",
    "total_variation",
    "tune",
    "unlike",
]
