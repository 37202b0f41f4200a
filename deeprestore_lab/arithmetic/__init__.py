"""Convolution arithmetic: what follows from a layer's kernel, stride, padding, dilation and channels alone."""

from deeprestore_lab.arithmetic.layers import Layer
from deeprestore_lab.arithmetic.shorthands import conv, linear, pool, relu, transposed

__all__ = ["Layer", "conv", "linear", "pool", "relu", "transposed"]
