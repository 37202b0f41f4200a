"""Convolution arithmetic: what follows from a layer's kernel, stride, padding, dilation and channels alone."""

from deeprestore_lab.signal.arithmetic.cost import Cost, costs, multiply_adds, parameters
from deeprestore_lab.signal.arithmetic.effective import effective_field, gradient_energy
from deeprestore_lab.signal.arithmetic.energy_width import central_square, spread
from deeprestore_lab.signal.arithmetic.expected_field import expected_profiles, expected_spread
from deeprestore_lab.signal.arithmetic.layers import Layer
from deeprestore_lab.signal.arithmetic.matrix import convolution_matrix, weight_shape
from deeprestore_lab.signal.arithmetic.reached_pixels import touched_pixels
from deeprestore_lab.signal.arithmetic.receptive_field import ReceptiveField, receptive_field, receptive_fields
from deeprestore_lab.signal.arithmetic.shorthands import conv, linear, pool, relu, transposed
from deeprestore_lab.signal.arithmetic.sizes import blocks, output_size
from deeprestore_lab.signal.arithmetic.tracing import trace_layers

__all__ = [
    "Cost",
    "Layer",
    "ReceptiveField",
    "blocks",
    "central_square",
    "conv",
    "convolution_matrix",
    "costs",
    "effective_field",
    "expected_profiles",
    "expected_spread",
    "gradient_energy",
    "linear",
    "multiply_adds",
    "output_size",
    "parameters",
    "pool",
    "receptive_field",
    "receptive_fields",
    "relu",
    "spread",
    "touched_pixels",
    "trace_layers",
    "transposed",
    "weight_shape",
]
