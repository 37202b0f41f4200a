"""Priors R_i: negative log-densities of images, one a file."""

from deeprestore_lab.priors.alpha_norm import AlphaNorm
from deeprestore_lab.priors.base import Prior, reference_weight
from deeprestore_lab.priors.tikhonov import Tikhonov
from deeprestore_lab.priors.total_variation import TotalVariation

__all__ = [
    "AlphaNorm",
    "Prior",
    "Tikhonov",
    "TotalVariation",
    "reference_weight",
]
