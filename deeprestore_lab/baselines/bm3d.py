"""BM3D, the best known denoiser that nobody trained, by the package of its authors."""

import numpy as np
import torch

from deeprestore_lab.core.checks import check_level, check_units, describe


def bm3d(y: torch.Tensor, sigma: float) -> torch.Tensor:
    r"""The images `(N, 1, H, W)` or `(N, 3, H, W)` without white noise of standard deviation `sigma`, in their units.

    Block matching and 3-D filtering: similar blocks are stacked, transformed and thresholded together, twice. Colour
    images are turned into one brightness and two differences first (CBM3D). It has no other setting. Computed in
    float64 on the CPU, image by image: about five seconds for a colour image of 128 x 128.

    Needs the package `bm3d`, an extra (`pip install 'deeprestore_lab[baselines]'`), whose licence allows research and
    teaching, not commercial use; `ImportError` says so without it. Raises `ValueError` for images and levels that do
    not fit. Source: Dabov et al. (2007). Used in chapter 04_denoising_autoencoders.
    """
    if check_units(y, name="y").shape[1] not in (1, 3):
        raise ValueError(f"y must have one channel or three, got {describe(y)}")
    level = check_level(sigma, single=True)
    try:
        import bm3d as package
    except ImportError as error:
        raise ImportError(
            "BM3D is an extra: pip install 'deeprestore_lab[baselines]' (free for research and teaching)"
        ) from error
    colour = y.shape[1] == 3
    found = []
    for image in y.detach().cpu().double().movedim(1, -1).numpy():
        clean = package.bm3d_rgb(image, level) if colour else package.bm3d(image[..., 0], level)
        found.append(np.reshape(clean, image.shape))
    return torch.from_numpy(np.stack(found)).movedim(-1, 1).to(y)
