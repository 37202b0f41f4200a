"""The trained auto-encoders of chapter 04: one for each kind of damage, and one that saw none."""

from deeprestore_lab.core.checks import check_choice
from deeprestore_lab.networks.encoder_decoder import EncoderDecoder
from deeprestore_lab.networks.trained import trained

DENOISERS = ("gaussian", "poisson", "blocks", "salt_and_pepper", "clean")
ARCHITECTURE = {"channels": 3, "widths": (64,), "depth": 3, "upsampling": "nearest"}


def denoiser(trained_on: str) -> EncoderDecoder:
    r"""A shipped network that maps a damaged image to the picture: D(y), trained by E ||D(y) - x||^2.

    `trained_on`: a kind of `corruptions.CORRUPTIONS`, at its level there, or "clean", for pairs without damage. Images
    `(N, 3, H, W)` in [0, 1], H and W even; what comes out is not clipped. The card
    is `artifacts.card("denoisers", kind="weights")`. Parameters take no gradients; those with respect to the image
    work. Raises `ValueError` for another name. Taught in chapter 04_denoising_autoencoders.

    >>> import torch
    >>> denoiser("gaussian")(torch.rand(1, 3, 16, 16)).shape
    torch.Size([1, 3, 16, 16])
    """
    check_choice(trained_on, DENOISERS, name="trained_on")
    return trained(EncoderDecoder(**ARCHITECTURE), "denoisers", part=trained_on)
