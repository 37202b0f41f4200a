"""The trained generators of digits that chapter 13 compares, by name."""

import torch
from torch import nn

from deeprestore_lab.core.checks import check_choice
from deeprestore_lab.generators.autoencoder import AutoEncoder
from deeprestore_lab.generators.flow import Flow
from deeprestore_lab.generators.flow_presets import image_flow
from deeprestore_lab.generators.glann import GLANN
from deeprestore_lab.generators.glo import GLO
from deeprestore_lab.generators.imle import IMLE
from deeprestore_lab.generators.vae import VariationalAutoEncoder
from deeprestore_lab.networks.bounded_autoencoder import latent_autoencoder
from deeprestore_lab.networks.trained import shipped_weights, trained

KINDS = ("auto-encoder", "VAE", "GLO", "IMLE", "GLANN", "flow")
CODES = 5000  # of GLO's 50,000 that are shipped: enough for their mean and covariance


def digit_flow(*, depth: int = 4, width: int = 128, seed: int = 0) -> Flow:
    """The flow of digits: one level of `image_flow` on 7 x 7 places of 16 channels.

    It has 0.18 million parameters; the decoder with layers of 128 and 256 that draws the others' samples has 0.24.
    """
    return image_flow(levels=1, depth=depth, width=width, squeezes=2, seed=seed)


def shipped(kind: str) -> nn.Module:
    r"""A trained generator of digits; `.sample(count, seed=...)` gives `(count, 1, 28, 28)`.

    `kind` is one of "auto-encoder", "VAE", "GLO", "IMLE", "GLANN" and "flow"; the value is an `AutoEncoder`,
    `VariationalAutoEncoder`, `GLO`, `IMLE`, `GLANN` or `Flow`. All learned from MNIST's first 50,000 digits, with 10
    codes and layers of 256 and 128 where they have a decoder. The auto-encoder is the mended one of
    `latent_autoencoder`, with codes that fill the cube. The GLO keeps the codes of the first 5,000 digits; the GLANN
    stands on that very GLO. Samples lie in [0, 1], the flow's up to 0.06 beside it (see `LogitMap`). After
    its short training the flow has by far the highest density of test digits and draws strokes, not digits.

    The cards are `artifacts.card("generators", kind="weights")` and `latent_autoencoders`. Parameters take no
    gradients; those with respect to images and codes work. Raises `ValueError` for another kind. Taught in chapter
    13_generators.

    >>> shipped("GAN")
    Traceback (most recent call last):
    ValueError: kind must be...
    """
    check_choice(kind, KINDS, name="kind")
    if kind == "auto-encoder":
        model = AutoEncoder()
        model.load_state_dict(latent_autoencoder("mended").state_dict())
    elif kind == "GLANN":
        glo = shipped("GLO")
        model = GLANN(glo)
        known = {f"glo.{name}": tensor for name, tensor in glo.state_dict().items()}
        model.load_state_dict(known | shipped_weights("generators", part="GLANN"))
    else:
        return trained(untrained(kind), "generators", part=kind)
    return model.requires_grad_(False).eval()


def untrained(kind: str) -> nn.Module:
    """A VAE, GLO, IMLE or flow of the shipped size with its weights of seed 0; the GLO's codes are random."""
    if kind == "GLO":
        return GLO(torch.zeros(CODES, 1, 28, 28), start="random")
    return {"VAE": VariationalAutoEncoder, "IMLE": IMLE, "flow": digit_flow}[kind]()
