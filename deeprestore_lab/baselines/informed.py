"""Baselines that use how the damage works: values that give it away, pixels that are lost, noise of photon counts."""

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import (
    check_images,
    check_not_bytes,
    check_not_negative,
    check_positive,
    check_units,
    describe,
)
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Mask
from deeprestore_lab.operators.frames import threshold_denoise
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.solve import minimise

FILL_WEIGHT = 1e-4  # known pixels are exact, so the smaller the better: below it the PSNR moves by less than 0.005 dB


def unlike(y: torch.Tensor, values: Sequence[float]) -> torch.Tensor:
    """The mask `(N, 1, H, W)`: 0 where all channels of `y` `(N, C, H, W)` are exactly one of `values`, and 1 elsewhere.

    Black blocks are found by (0,), salt and pepper by (0, 1). Pixels of the picture that are as black are marked too.
    Taught in chapter 04_denoising_autoencoders.

    Raises `ValueError` for what is no image batch.

    >>> unlike(torch.tensor([[[[0.0, 0.5, 1.0]]]]), (0, 1)).flatten().tolist()
    [0.0, 1.0, 0.0]
    """
    known = torch.ones_like(check_images(y, name="y")[:, :1])
    for value in values:
        known = known * (y != value).any(1, keepdim=True)
    return known


def fill(y: torch.Tensor, known: torch.Tensor, *, weight: float = FILL_WEIGHT, steps: int = 200) -> torch.Tensor:
    r"""`y` `(N, C, H, W)` where `known` `(N, 1, H, W)` is 1; elsewhere what total variation puts there.

        argmin over x of 1/2 ||known (x - y)||^2 + weight TV(x)

    by `steps` of ADMM, and the known pixels then as they were. Raises `ValueError` for a mask that does not fit. Taught
    in chapter 04_denoising_autoencoders.

    >>> y = torch.full((1, 1, 8, 8), 0.5)
    >>> known = torch.ones_like(y)
    >>> known[..., 3:5, 3:5] = 0
    >>> bool((fill(known * y, known) - y).abs().max() < 1e-2)
    True
    """
    n, _, h, w = check_units(y, name="y").shape
    if not isinstance(known, torch.Tensor) or known.shape != (n, 1, h, w):
        raise ValueError(f"known must be {(n, 1, h, w)} for these images, got {describe(known)}")
    energy = GaussianLikelihood(Mask(known), known * y, sigma=1.0) + weight * TotalVariation()
    filled = minimise(energy, known * y, solver="admm", steps=steps, snapshots=False, progress=False).x
    return known * y + (1 - known) * filled


def stabilised_frame(y: torch.Tensor, threshold: float, *, peak: float) -> torch.Tensor:
    r"""Photon counts denoised by `thresholded_frame` under Anscombe's square root, `(N, C, H, W)`.

        z = 2 sqrt(peak y + 3/8),   x = ((z' / 2)^2 - 1/8) / peak   for the denoised z'

    z has noise of variance near 1 wherever some photons are expected, so `threshold` counts standard deviations. The
    1/8 makes up for most of what the mean of a root loses. Source: Anscombe (1948). Raises `ValueError` for a
    peak that is not positive, and values below 0 by more than rounding. Taught in chapter 04_denoising_autoencoders.

    >>> y = torch.full((1, 1, 16, 16), 0.5)
    >>> bool((stabilised_frame(y, 2.5, peak=100.0) - y).abs().max() < 0.003)
    True
    """
    y = check_not_negative(check_images(y, name="y"), name="y (counts divided by the peak)")
    check_not_bytes(y, name="y (counts divided by the peak)")
    z = 2 * (check_positive(peak, name="peak", single=True) * y + 3 / 8).sqrt()
    return ((threshold_denoise(z, sigma=1.0, threshold=threshold) / 2).square() - 1 / 8) / peak
