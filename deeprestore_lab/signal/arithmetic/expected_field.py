"""The effective receptive field that random weights give on average, by arithmetic. Taught in 02_receptive_fields."""

from collections.abc import Sequence

import numpy as np

from deeprestore_lab.signal.arithmetic.layers import Layer
from deeprestore_lab.signal.arithmetic.receptive_field import receptive_fields


def expected_profiles(layers: Sequence[Layer]) -> tuple[np.ndarray, np.ndarray]:
    r"""The share of the gradient energy that each row, and each column, of the receptive field has on average.

    For convolutions with independent weights of mean zero and one variance, without nonlinearities or with gates that
    pass each value with one probability, whatever the weights:

        E[energy] = box_1 * box_2 * ... * box_L,   box_l: k_l equal values, d_l jump_{l-1} pixels apart

    in each direction, since the mean of a product of two different weights is zero, and so only squares are left.
    Pooling spreads evenly as well: a maximum falls on each of its places alike, a mean weighs them alike (random
    weights must stand between two means). The shares add up to 1. Raises `ValueError` for transposed convolutions,
    where each phase has its own, and as `receptive_fields`.

    Source: Luo, Li, Urtasun & Zemel, Understanding the effective receptive field, NeurIPS 2016, section 2; differs in
    that strides, dilations and pooling are included. Taught in chapter 02_receptive_fields.

    >>> from deeprestore_lab.signal.arithmetic import conv
    >>> (expected_profiles([conv(1, 1, kernel=3), conv(1, 1, kernel=3)])[0] * 9).round().tolist()
    [1.0, 2.0, 3.0, 2.0, 1.0]
    """
    jumps = _jumps(layers)
    profiles = []
    for axis in (0, 1):
        profile = np.ones(1)
        for layer, jump in zip(layers, jumps, strict=True):
            box = np.zeros((layer.extent[axis] - 1) * jump[axis] + 1)
            box[:: layer.dilation[axis] * jump[axis]] = 1 / layer.kernel[axis]
            profile = np.convolve(profile, box)
        profiles.append(profile)
    return profiles[0], profiles[1]


def expected_spread(layers: Sequence[Layer]) -> tuple[float, float]:
    r"""Standard deviation of `expected_profiles`, down and across, in pixels.

        spread^2 = sum_l (d_l jump_{l-1})^2 (k_l^2 - 1) / 12

    The variance of k equally likely places is (k^2 - 1) / 12, and variances add. So a stack of n equal layers has a
    spread of sqrt(n (k^2 - 1) / 12), while its size is n (k - 1) + 1. Raises `ValueError` as `expected_profiles`.

    >>> from deeprestore_lab.signal.arithmetic import conv
    >>> [round(expected_spread([conv(1, 1, kernel=3)] * depth)[0], 2) for depth in (6, 24)]
    [2.0, 4.0]
    """
    jumps = _jumps(layers)
    variances = [
        sum(
            (layer.dilation[axis] * jump[axis]) ** 2 * (layer.kernel[axis] ** 2 - 1) / 12
            for layer, jump in zip(layers, jumps, strict=True)
        )
        for axis in (0, 1)
    ]
    return variances[0] ** 0.5, variances[1] ** 0.5


def _jumps(layers: Sequence[Layer]) -> list[tuple[int, int]]:
    """The jump before each layer."""
    fields = receptive_fields(layers)
    if transposed := [layer.name for layer in layers if layer.kind == "transposed"]:
        raise ValueError(
            f"fields behind the transposed convolution {transposed[0]!r} are not alike: there is no one profile"
        )
    return [(1, 1), *(field.jump for field in fields[:-1])]
