"""Choosing the weight of a prior without the true image: the discrepancy principle and Stein's estimate.

Taught in chapter 10_map.
"""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_level, check_positive, check_seed, check_units, describe, per_image
from deeprestore_lab.energies.shapes import check_batch, squared_norm
from deeprestore_lab.operators import Composition, FourierMask, Mask, Operator


def discrepancy(operator: Operator, x: torch.Tensor, y: torch.Tensor, *, sigma: float | torch.Tensor) -> torch.Tensor:
    r"""||A x - y||^2 / (M sigma^2), shape `(N,)`: 1 where what is left over is as large as the noise.

    M is the number of measured values: for a mask, or one that comes last, the number of known ones; complex values
    count as two, each with noise of level `sigma`. Morozov (1966) takes the largest weight at which this is at most 1.
    `sigma` is in the units of y. Raises `ValueError` for shapes that do not fit, a complex y of a real A x (and the
    other way round), and values of images up to 255.
    """
    sigma = check_level(sigma)
    predicted = operator(check_units(x))
    check_batch(y, name="y")
    if y.ndim == 4 and getattr(operator, "image_units", False):
        check_units(y, name="y")
    if predicted.is_complex() != y.is_complex():
        raise ValueError(f"A x is {describe(predicted)} but y is {describe(y)}")
    if predicted.shape[1:] != y.shape[1:] or y.shape[0] not in (1, predicted.shape[0]):
        raise ValueError(f"A x has shape {tuple(predicted.shape)} but y has shape {tuple(y.shape)}")
    residual = predicted - y.to(predicted)
    last = operator
    while isinstance(last, Composition):  # (mask @ A) @ B as well as mask @ (A @ B)
        last = last.outer
    known = last.mask.to(residual.device) if isinstance(last, Mask | FourierMask) else None
    count = residual[0].numel() if known is None else known.expand_as(residual).ne(0).flatten(1).sum(1)
    count = 2 * count if residual.is_complex() else count  # a real and an imaginary part
    return squared_norm(residual / per_image(sigma, residual)) / count


def stein_risk(
    denoise: Callable[[torch.Tensor], torch.Tensor],
    y: torch.Tensor,
    *,
    sigma: float,
    epsilon: float | None = None,
    seed: int = 0,
) -> torch.Tensor:
    r"""Stein's unbiased estimate of the squared error of a denoiser, from the noisy image alone, `(N,)`.

    For y = x + n with n ~ N(0, sigma^2 I) and a denoiser h that is weakly differentiable,

        E ||h(y) - x||^2 = E [ ||h(y) - y||^2 - N sigma^2 + 2 sigma^2 div h(y) ],

    a sum over the N values of an image, in squared units of x (Stein, 1981). The divergence is estimated by one
    random probe b of signs, b . (h(y + epsilon b) - h(y)) / epsilon (Ramani, Blu & Unser, 2008); the probe is the
    same for every image of the batch, so that a sweep over weights is compared fairly. `denoise` is called once,
    on the batch of y and its perturbed copy. The default `epsilon` is sigma / 20: small against the noise, large
    against rounding and the solver's tolerance. Raises `ValueError` for arguments that do not fit.

    >>> y = torch.ones(1, 1, 8, 8)
    >>> float(stein_risk(lambda v: v, y, sigma=0.1))  # doing nothing costs N sigma^2
    0.64...
    """
    check_units(y, name="y")
    sigma = check_level(sigma, single=True)
    epsilon = check_positive(sigma / 20 if epsilon is None else epsilon, name="epsilon", single=True)
    generator = torch.Generator().manual_seed(check_seed(seed))
    probe = torch.randint(0, 2, y[:1].shape, generator=generator).to(y) * 2 - 1
    restored, moved = denoise(torch.cat([y, y + epsilon * probe])).chunk(2)
    if restored.shape != y.shape:
        raise ValueError(f"denoise gave shape {tuple(restored.shape)} for images of shape {tuple(y.shape)}")
    divergence = (probe * (moved - restored)).flatten(1).sum(1) / epsilon
    return (restored - y).square().flatten(1).sum(1) - y[0].numel() * sigma**2 + 2 * sigma**2 * divergence
