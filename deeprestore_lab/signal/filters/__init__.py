"""Banks of filters `(K, kh, kw)`: derivatives, waves, cosines, framelets and random ones."""

from deeprestore_lab.signal.filters.banks import averages, check_bank, impulse, join, norms, random_filters, unit_norm
from deeprestore_lab.signal.filters.derivatives import (
    directional_derivative,
    oriented_derivatives,
    steerable_filters,
    steering_weights,
)
from deeprestore_lab.signal.filters.gabor import gabor_filters
from deeprestore_lab.signal.filters.tight_frames import cosine_filters, framelet_masks, framelets

__all__ = [
    "averages",
    "check_bank",
    "cosine_filters",
    "directional_derivative",
    "framelet_masks",
    "framelets",
    "gabor_filters",
    "impulse",
    "join",
    "norms",
    "oriented_derivatives",
    "random_filters",
    "steerable_filters",
    "steering_weights",
    "unit_norm",
]
