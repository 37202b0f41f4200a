"""Energies: the terms of E(A x, y) + sum_i lambda_i R_i(x), one number per image, in nats for likelihoods.

An energy is a callable `(N, C, H, W) -> (N,)`, a sum over pixels. Energies add and scale, so the whole
equation is written as it reads: `data + 0.5 * prior`. Taught in chapter 10_map.
"""

from deeprestore_lab.energies.activation import Activation, unit_direction
from deeprestore_lab.energies.answers import Answers, Bounds, InexactProx, Quadratic, Weight
from deeprestore_lab.energies.base import Energy, OfRepresentation, WeightedSum, weighted_terms
from deeprestore_lab.energies.gradient_check import check_gradient
from deeprestore_lab.energies.likelihoods import (
    GaussianLikelihood,
    LaplaceLikelihood,
    Likelihood,
    PoissonLikelihood,
    SeparableLikelihood,
)
from deeprestore_lab.energies.representation import RepresentationError
from deeprestore_lab.energies.shares import detach_images, term_names, weighted_values, zero_weight_images

__all__ = [
    "Activation",
    "Answers",
    "Bounds",
    "Energy",
    "GaussianLikelihood",
    "InexactProx",
    "LaplaceLikelihood",
    "Likelihood",
    "OfRepresentation",
    "PoissonLikelihood",
    "Quadratic",
    "RepresentationError",
    "SeparableLikelihood",
    "Weight",
    "WeightedSum",
    "check_gradient",
    "detach_images",
    "term_names",
    "unit_direction",
    "weighted_terms",
    "weighted_values",
    "zero_weight_images",
]
