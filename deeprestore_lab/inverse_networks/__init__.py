"""Inverse networks: the posterior mean of an image, or of an earlier map, learned for all maps of a layer at once.

A module for each block of a backbone, four ways to train them, and what they give back. Beside them what is often taken
for an inverse: response normalisation undone by iteration, and signals sent back. Taught in chapter
17_inverse_networks.
"""

from deeprestore_lab.inverse_networks.backward_pictures import backward_picture
from deeprestore_lab.inverse_networks.blocks import Block, blocks
from deeprestore_lab.inverse_networks.evaluation import normalised_errors, paired_interval, relative_error, scores
from deeprestore_lab.inverse_networks.module import InverseModule
from deeprestore_lab.inverse_networks.network import InverseNetwork
from deeprestore_lab.inverse_networks.response_normalisation import best_scale, fixed_point_inverse, turning_point
from deeprestore_lab.inverse_networks.shipped import inverse_network
from deeprestore_lab.inverse_networks.training import TRAININGS, errors, map_batches, maps_of, train
from deeprestore_lab.inverse_networks.warm_start import warm_start

__all__ = [
    "TRAININGS",
    "Block",
    "InverseModule",
    "InverseNetwork",
    "backward_picture",
    "best_scale",
    "blocks",
    "errors",
    "fixed_point_inverse",
    "inverse_network",
    "map_batches",
    "maps_of",
    "normalised_errors",
    "paired_interval",
    "relative_error",
    "scores",
    "train",
    "turning_point",
    "warm_start",
]
