"""Score matching: energies learned without their partition function. Taught in chapter 14_learned_filters."""

from deeprestore_lab.training.score_matching.field import FieldFit, fit_field
from deeprestore_lab.training.score_matching.pictures import picture_denoising, picture_score_matching

__all__ = ["FieldFit", "fit_field", "picture_denoising", "picture_score_matching"]
