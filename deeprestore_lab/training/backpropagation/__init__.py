"""Backpropagation by hand: layers that know their Jacobian, the recursion u_k = u_{k-1} J, and what it costs.

Nothing here uses autograd. It is for reading and for checking: torch's own layers are faster.
"""

from deeprestore_lab.training.backpropagation.base import Layer
from deeprestore_lab.training.backpropagation.convolution import Convolution
from deeprestore_lab.training.backpropagation.cost import Cost, costs, forward_mode, matrix_products, reverse_mode
from deeprestore_lab.training.backpropagation.pointwise import ReLU
from deeprestore_lab.training.backpropagation.recursion import activations, backpropagate
from deeprestore_lab.training.backpropagation.resampling import AveragePooling, MaxPooling, Upsampling

__all__ = [
    "AveragePooling",
    "Convolution",
    "Cost",
    "Layer",
    "MaxPooling",
    "ReLU",
    "Upsampling",
    "activations",
    "backpropagate",
    "costs",
    "forward_mode",
    "matrix_products",
    "reverse_mode",
]
