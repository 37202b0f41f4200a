"""Inverting a convolution when everything is linear and Gaussian: closed forms, and what smaller ones lose."""

from deeprestore_lab.operators.linear_inverse.circular import CircularInverse, circular_inverse
from deeprestore_lab.operators.linear_inverse.dense import dense_inverse, expected_errors
from deeprestore_lab.operators.linear_inverse.exponential_prior import exponential_covariance, exponential_spectrum
from deeprestore_lab.operators.linear_inverse.finite_kernel import FiniteInverse, best_ring_kernel, best_window_kernel
from deeprestore_lab.operators.linear_inverse.iterated import (
    best_polynomial_errors,
    chebyshev_errors,
    normal_spectrum,
)
from deeprestore_lab.operators.linear_inverse.phases import Phase, centred_padding, phases, solve_moments
from deeprestore_lab.operators.linear_inverse.rectified import hidden_mean, rectified_inverse
from deeprestore_lab.operators.linear_inverse.spectra import mean_spectrum, ring_error
from deeprestore_lab.operators.linear_inverse.symbols import alias_blocks, layer_symbol
from deeprestore_lab.operators.linear_inverse.winding import winding_number

__all__ = [
    "CircularInverse",
    "FiniteInverse",
    "Phase",
    "alias_blocks",
    "best_polynomial_errors",
    "best_ring_kernel",
    "best_window_kernel",
    "centred_padding",
    "chebyshev_errors",
    "circular_inverse",
    "dense_inverse",
    "expected_errors",
    "exponential_covariance",
    "exponential_spectrum",
    "hidden_mean",
    "layer_symbol",
    "mean_spectrum",
    "normal_spectrum",
    "phases",
    "rectified_inverse",
    "ring_error",
    "solve_moments",
    "winding_number",
]
