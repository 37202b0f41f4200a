"""How far noise on a picture moves what a layer makes of it: the unit in which a representation error is small.

Taught in chapter 18_preimages_with_priors.
"""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_images, check_level
from deeprestore_lab.energies.shapes import squared_norm
from deeprestore_lab.images.noise import gaussian_noise


def feature_noise(
    phi: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, *, sigma: float, seed: int = 0
) -> torch.Tensor:
    r"""||phi(x + sigma n) - phi(x)||^2 / ||phi(x)||^2 for white noise n, one value an image, `(N,)`.

    The representation error of a picture that differs from x by noise of level `sigma`, in [0, 1] units; a search that
    has fallen below it explains the map better than the noise lets one ask for. Raises `ValueError` for a level that is
    not between 0 and 1. Taught in chapter 18_preimages_with_priors.

    >>> x = torch.full((1, 1, 64, 64), 0.5)
    >>> round(float(feature_noise(lambda x: 3 * x, x, sigma=0.05)), 3)  # (0.05 / 0.5)^2
    0.01
    """
    moved, seen = _squares(phi, x, sigma, seed)
    return moved / seen


def layer_noise(
    phi: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, *, sigma: float = 5 / 255, seed: int = 0
) -> float:
    r"""sum_i ||phi(x_i + sigma n) - phi(x_i)||^2 / sum_i ||phi(x_i)||^2 over natural pictures: one number for a layer.

    The mean of `feature_noise` would be that of the flattest pictures. Raises `ValueError` for a level that is not
    between 0 and 1, and for a phi that is zero on all pictures. Taught in chapter 18_preimages_with_priors.

    >>> x = torch.full((2, 1, 64, 64), 0.5)
    >>> round(layer_noise(lambda x: 3 * x, x, sigma=0.05), 3)
    0.01
    """
    moved, seen = _squares(phi, x, sigma, seed)
    if not float(seen.sum()) > 0:
        raise ValueError("phi is zero on every one of these pictures: there is nothing to compare its noise with")
    return float(moved.sum() / seen.sum())


@torch.no_grad()
def _squares(phi: Callable, x: torch.Tensor, sigma: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """||phi(x + sigma n) - phi(x)||^2 and ||phi(x)||^2 of each image."""
    check_images(x)
    sigma = float(check_level(sigma))
    seen = phi(x)
    return squared_norm(phi(x + gaussian_noise(x, sigma=sigma, seed=seed)) - seen), squared_norm(seen)
