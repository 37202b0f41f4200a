"""Samplers: draws from exp(-R), or from the posterior, in the place of its minimum.

A sampler asks a prior for the mean of a picture under noise (`posterior_mean`, or a network told the level) or for its
score, and knows nothing else of it. One loop runs them all and gives one trace. Taught in chapter 21_sampling.
"""

from deeprestore_lab.sampling.corrected import Corrected
from deeprestore_lab.sampling.density_ratio import LogisticRatio
from deeprestore_lab.sampling.dps import DPS
from deeprestore_lab.sampling.draw import Draws, draw
from deeprestore_lab.sampling.exact_law import errors_of_law, law
from deeprestore_lab.sampling.flow import as_velocity, time_of_level, velocity_as_mean
from deeprestore_lab.sampling.guidance import guided
from deeprestore_lab.sampling.hybrid import switched
from deeprestore_lab.sampling.langevin import AdjustedLangevin, AnnealedLangevin, Langevin
from deeprestore_lab.sampling.levels import karras_levels, noise_start
from deeprestore_lab.sampling.mixture_posterior import MixturePosterior
from deeprestore_lab.sampling.products import LayerPrior, field_product, fit_in_turn, summed_scores
from deeprestore_lab.sampling.reverse import Ancestral, Euler, Heun, Renoised
from deeprestore_lab.sampling.reweighting import effective_sample_size, resampled, tempered
from deeprestore_lab.sampling.scores import Mean, mean_of, score
from deeprestore_lab.sampling.split_gibbs import SplitGibbs, falling

__all__ = [
    "DPS",
    "AdjustedLangevin",
    "Ancestral",
    "AnnealedLangevin",
    "Corrected",
    "Draws",
    "Euler",
    "Heun",
    "Langevin",
    "LayerPrior",
    "LogisticRatio",
    "Mean",
    "MixturePosterior",
    "Renoised",
    "SplitGibbs",
    "as_velocity",
    "draw",
    "effective_sample_size",
    "errors_of_law",
    "falling",
    "field_product",
    "fit_in_turn",
    "guided",
    "karras_levels",
    "law",
    "mean_of",
    "noise_start",
    "resampled",
    "score",
    "summed_scores",
    "switched",
    "tempered",
    "time_of_level",
    "velocity_as_mean",
]
