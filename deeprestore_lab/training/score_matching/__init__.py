"""Score matching: densities learned without their normaliser, from samples (vectors) or from noisy pairs."""

from deeprestore_lab.training.score_matching.denoising import denoising_loss
from deeprestore_lab.training.score_matching.explicit import explicit_loss, quadratic_in_weights
from deeprestore_lab.training.score_matching.field import FieldFit, fit_field
from deeprestore_lab.training.score_matching.filters import LearntFilters, best_weights, learn_filters, random_rows
from deeprestore_lab.training.score_matching.gradient import loss_and_gradient
from deeprestore_lab.training.score_matching.hyvarinen import hyvarinen_loss
from deeprestore_lab.training.score_matching.maps import fit_map_field, map_denoising_loss
from deeprestore_lab.training.score_matching.nonnegative import NonNegative, nonnegative_weights
from deeprestore_lab.training.score_matching.overlap import gaussian_overlap
from deeprestore_lab.training.score_matching.patches import patch_vectors
from deeprestore_lab.training.score_matching.pictures import best_factor, picture_denoising, picture_score_matching
from deeprestore_lab.training.score_matching.whitening import Whitening, no_whitening, whitening

__all__ = [
    "fit_map_field",
    "map_denoising_loss",
    "FieldFit",
    "LearntFilters",
    "NonNegative",
    "Whitening",
    "best_factor",
    "best_weights",
    "denoising_loss",
    "explicit_loss",
    "fit_field",
    "gaussian_overlap",
    "hyvarinen_loss",
    "learn_filters",
    "loss_and_gradient",
    "no_whitening",
    "nonnegative_weights",
    "patch_vectors",
    "picture_denoising",
    "picture_score_matching",
    "quadratic_in_weights",
    "random_rows",
    "whitening",
]
