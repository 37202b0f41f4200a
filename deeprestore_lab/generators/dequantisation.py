"""From images of whole numbers to a density and back: uniform noise between the levels, and bits per dimension."""

import math

import torch

from deeprestore_lab.core.checks import check_images, check_whole, describe

LEVELS = 256


def dequantised(x: torch.Tensor, noise: torch.Tensor, *, levels: int = LEVELS) -> torch.Tensor:
    r"""(k + v) / levels, where k is the nearest of 0, ..., levels - 1 to (levels - 1) x, and v in [0, 1) is `noise`.

    Pixels of an image file take `levels` values. A density can be made infinite at each of them, so its likelihood says
    nothing; spread evenly over the cells [k / levels, (k + 1) / levels) they have a density that is bounded. And by
    Jensen's inequality the mean log-density of the spread values bounds the log-probability of the whole numbers from
    below: see `bits_per_dimension`.

    Shapes: `x` and `noise` `(N, C, H, W)`. Units: x in [0, 1], the value in [0, 1). Raises `ValueError` for shapes or
    values that do not fit. Source: Theis, van den Oord & Bethge (2016), "A note on the evaluation of generative
    models", section 3.1. Taught in chapter 13_generators.

    >>> dequantised(torch.tensor([[[[0.0, 1.0]]]]), torch.tensor([[[[0.5, 0.25]]]]), levels=2)
    tensor([[[[0.2500, 0.6250]]]])
    """
    levels = check_whole(levels, name="levels", least=2)
    if check_images(x).shape != check_images(noise, name="noise").shape:
        raise ValueError(f"noise must have the shape of x, got {describe(noise)} for {describe(x)}")
    for name, tensor in (("x", x), ("noise", noise)):
        if not bool(((tensor >= 0) & (tensor <= 1)).all()):
            raise ValueError(f"{name} must lie in [0, 1], got {float(tensor.min()):.3g} to {float(tensor.max()):.3g}")
    below_one = 1 - levels * torch.finfo(x.dtype).eps  # what still adds to levels - 1 without rounding up
    return (torch.round(x * (levels - 1)) + noise.clamp(max=below_one)) / levels


def bits_per_dimension(log_density: torch.Tensor, dimensions: int, *, levels: int = LEVELS) -> torch.Tensor:
    r"""(D ln(levels) - log p(x)) / (D ln 2): what a whole-number image costs, in bits per value, at most.

    p is a density of `dequantised` images, with respect to the volume of [0, 1]^D. A cell has the volume levels^-D, so
    the probability of the image k is P(k) = levels^-D times the mean of p over its cell, and

        -log2 P(k) <= D log2(levels) - mean over the cell of log2 p.

    A lower bound on log p, as a VAE gives, leads to an upper bound on the bits. Uniform images cost log2(levels). Where
    a density was computed behind a map z = f(x), log |det df/dx| must be in it already (`Flow` does that).

    Shapes: `log_density` any, the value the same. Units: nats in, bits out. Raises `ValueError` for counts below 1 or
    2. Source: Theis, van den Oord & Bethge (2016), section 3.1; Dinh, Sohl-Dickstein & Bengio (2017), "Density
    estimation using Real NVP", section 4.1. Taught in chapter 13_generators.

    >>> bits_per_dimension(torch.zeros(1), 784)
    tensor([8.])
    """
    dimensions = check_whole(dimensions, name="dimensions", least=1)
    levels = check_whole(levels, name="levels", least=2)
    return (dimensions * math.log(levels) - log_density) / (dimensions * math.log(2))
