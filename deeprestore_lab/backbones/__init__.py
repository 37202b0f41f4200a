"""Representations: layers of pretrained networks, by the names of the literature, as forward operators.

One way to ask: a network, a layer, and where the weights come from (local folder, torchvision's, embedded).
"""

from deeprestore_lab.backbones.backbone import Backbone, Representation
from deeprestore_lab.backbones.lean import LeanRepresentation, Linearisation
from deeprestore_lab.backbones.loading import first_at_hand, load, representation
from deeprestore_lab.backbones.weights import NETWORKS, layer_names

__all__ = [
    "NETWORKS",
    "Backbone",
    "LeanRepresentation",
    "Linearisation",
    "Representation",
    "first_at_hand",
    "layer_names",
    "load",
    "representation",
]
