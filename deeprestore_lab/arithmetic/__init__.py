"""Convolution arithmetic: what follows from a layer's kernel, stride, padding, dilation and channels alone."""

from deeprestore_lab.arithmetic.cost import Cost, costs, multiply_adds, parameters
from deeprestore_lab.arithmetic.layers import Layer
from deeprestore_lab.arithmetic.matrix import convolution_matrix, weight_shape
from deeprestore_lab.arithmetic.shorthands import conv, linear, pool, relu, transposed
from deeprestore_lab.arithmetic.sizes import blocks, output_size

__all__ = [
    "Cost",
    "Layer",
    "blocks",
    "conv",
    "convolution_matrix",
    "costs",
    "linear",
    "multiply_adds",
    "output_size",
    "parameters",
    "pool",
    "relu",
    "transposed",
    "weight_shape",
]
