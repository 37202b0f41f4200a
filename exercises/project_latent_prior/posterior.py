"""Step 5: denoising and inpainting by the posterior."""

import torch

from autoencoder import AutoEncoder

TEMPERATURE = 1.0  # T: choose it on the validation digits


def negative_log_posterior(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    mask: torch.Tensor,
    sigma: float,
    model: AutoEncoder,
) -> torch.Tensor:
    """-log P(x | y) up to a constant: one value per image, `(N,)`.

    x, y: `(N, 1, 28, 28)`. mask: `(1, 1, 28, 28)`, one where a pixel is
    known, zero elsewhere; y is zero there. All ones is denoising. The norm of
    the prior has no gradient at zero: smooth it there. sigma may be 0: the
    known pixels are then those of y, and what is left is a search over the
    others.
    """
    raise NotImplementedError("negative_log_posterior")


def restore_image(
    y: torch.Tensor, *, mask: torch.Tensor, sigma: float, model: AutoEncoder
) -> torch.Tensor:
    """The image x in [0, 1] that minimises `negative_log_posterior`.

    Where sigma is 0, its known pixels are those of y, here and below.
    """
    raise NotImplementedError("restore_image")


def restore_latent(
    y: torch.Tensor,
    *,
    mask: torch.Tensor,
    sigma: float,
    model: AutoEncoder,
    starts: torch.Tensor,
) -> torch.Tensor:
    """The image D(u), u in [0, 1]^d, that explains y best.

    starts: `(S, N, d)`, S codes to start from for each image. The result is
    that of the start whose energy ends lowest, for each image by itself. The
    true image is not known here: do not choose by it.
    """
    raise NotImplementedError("restore_latent")
