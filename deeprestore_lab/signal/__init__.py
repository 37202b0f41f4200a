"""Transforms, convolutions, kernels and filters, and the arithmetic of layers: tensors in, tensors out."""
