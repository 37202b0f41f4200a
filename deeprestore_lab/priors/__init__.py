"""Priors R_i: negative log-densities of images, one a file; and Gaussian fields, whose answers are known exactly."""

from deeprestore_lab.priors.alpha_norm import AlphaNorm
from deeprestore_lab.priors.autoencoder import AutoEncoderPrior
from deeprestore_lab.priors.base import Prior, reference_weight, register_calibration
from deeprestore_lab.priors.denoiser import Denoiser, DenoiserEnergy, DenoiserScore
from deeprestore_lab.priors.dense_field import DenseField
from deeprestore_lab.priors.field_of_experts import FieldOfExperts
from deeprestore_lab.priors.gaussian_field import StationaryField
from deeprestore_lab.priors.gaussian_mixture import GaussianMixture, fit_gaussian_mixture
from deeprestore_lab.priors.gaussian_posterior import GaussianPosterior
from deeprestore_lab.priors.gaussian_risk import QuadraticEstimator
from deeprestore_lab.priors.ica import OvercompleteICA
from deeprestore_lab.priors.log_ratio import LogRatio
from deeprestore_lab.priors.map_field import MapField
from deeprestore_lab.priors.opponent import ByOpponent
from deeprestore_lab.priors.powered_variation import PoweredVariation
from deeprestore_lab.priors.representation_units import calibrated_for, representation_weight
from deeprestore_lab.priors.ridge_family import RidgeFamily
from deeprestore_lab.priors.ridge_regulariser import RidgeRegulariser
from deeprestore_lab.priors.tikhonov import Tikhonov
from deeprestore_lab.priors.tiled import Tiled
from deeprestore_lab.priors.total_variation import TotalVariation

__all__ = [
    "AlphaNorm",
    "AutoEncoderPrior",
    "ByOpponent",
    "Denoiser",
    "DenoiserEnergy",
    "DenoiserScore",
    "DenseField",
    "FieldOfExperts",
    "GaussianMixture",
    "GaussianPosterior",
    "LogRatio",
    "MapField",
    "OvercompleteICA",
    "PoweredVariation",
    "Prior",
    "QuadraticEstimator",
    "RidgeFamily",
    "RidgeRegulariser",
    "StationaryField",
    "Tikhonov",
    "Tiled",
    "TotalVariation",
    "calibrated_for",
    "fit_gaussian_mixture",
    "reference_weight",
    "register_calibration",
    "representation_weight",
]
