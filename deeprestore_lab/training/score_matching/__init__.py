"""Score matching: energies learned without their partition function. Taught in chapter 14_learned_filters."""

from deeprestore_lab.training.score_matching.field import FieldFit, fit_field
from deeprestore_lab.training.score_matching.overlap import gaussian_overlap
from deeprestore_lab.training.score_matching.pictures import best_factor, picture_denoising, picture_score_matching

__all__ = [
    "FieldFit",
    "best_factor",
    "fit_field",
    "gaussian_overlap",
    "picture_denoising",
    "picture_score_matching",
]
