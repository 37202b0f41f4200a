"""What a network does to a small change of its input: its Jacobian, measured with random directions."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.autograd.functional import jvp

from deeprestore_lab.core.checks import check_images, check_whole
from deeprestore_lab.images.noise import gaussian_noise


@dataclass(frozen=True)
class JacobianMeasures:
    """Three numbers an image, each `(N,)`, for the Jacobian J (n x n) at that image; deviation = gain - 2 trace + 1."""

    gain: torch.Tensor  # ||J||_F^2 / n: the share of the energy of white noise that passes
    trace: torch.Tensor  # tr J / n: how much of a pixel's own change arrives there
    deviation: torch.Tensor  # ||J - I||_F^2 / n: 0 for the identity, 1 for a constant


def jacobian_measures(
    function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, *, probes: int = 8, seed: int = 0
) -> JacobianMeasures:
    r"""How much noise passes through `function` at `x`, and how far its Jacobian is from the identity.

        E ||J v||^2 = ||J||_F^2,   E v^T J v = tr J,   E ||J v - v||^2 = ||J - I||_F^2   for v ~ N(0, I)

    (Hutchinson 1990), averaged over `probes` directions and divided by the number n of values of an image. `function`
    takes and gives `(N, C, H, W)`, each image by itself; Jv is exact, by differentiating twice. For noise that is
    small against the kinks of `function` its output has the noise variance sigma^2 `gain` on average. Raises
    `ValueError` where `function` changes the shape. Taught in chapter 04_denoising_autoencoders.

    >>> x = torch.rand(1, 3, 8, 8)
    >>> half = jacobian_measures(lambda x: x / 2, x, probes=200)
    >>> [round(float(value), 1) for value in (half.gain, half.trace, half.deviation)]
    [0.2, 0.5, 0.2]
    """
    check_images(x)
    sums = x.new_zeros(3, x.shape[0])
    for probe in range(check_whole(probes, name="probes", least=1)):
        v = gaussian_noise(x, sigma=1.0, seed=seed * probes + probe)
        value, moved = jvp(function, x, v)
        if value.shape != x.shape:
            raise ValueError(f"function must keep the shape {tuple(x.shape)}, got {tuple(value.shape)}")
        products = torch.stack([moved.square(), v * moved, (moved - v).square()])
        sums += products.flatten(2).mean(2).detach()
    return JacobianMeasures(*(sums / probes))
