"""Building blocks with parameters: the hourglass of the deep image prior, plain and coordinate networks."""

from deeprestore_lab.networks.coordinates import FourierFeatures, grid, random_frequencies
from deeprestore_lab.networks.hourglass import PRESETS, Hourglass, preset
from deeprestore_lab.networks.mlp import MLP

__all__ = ["MLP", "PRESETS", "FourierFeatures", "Hourglass", "grid", "preset", "random_frequencies"]
