"""The Gram matrix of a feature map: which channels occur together, wherever they do. Taught in chapter 08_style."""

import torch

from deeprestore_lab.core.checks import check_choice, check_images
from deeprestore_lab.operators.base import Operator

NORMALISATIONS = ("chw", "hw", "none")


class Gram(Operator):
    r"""G = sum over positions p of f_p f_p^T, over a stated number; f_p is the vector of channels at p.

    `(N, C, H, W) -> (N, C, C)`, symmetric, no eigenvalue below 0. `normalisation`: "chw" divides by C H W (Johnson et
    al. 2016, equation 3), "hw" by H W (the code of Gatys et al. 2016, whose paper divides the loss instead), "none" by
    nothing (their equation 3). So G_none = H W G_hw = C H W G_chw. Raises `ValueError` for another normalisation or for
    what is no batch of feature maps. Taught in chapter 08_style.

    >>> f = torch.tensor([[1.0, 0.0], [1.0, 2.0]]).reshape(1, 2, 1, 2)  # two channels, two positions
    >>> Gram(normalisation="none")(f)
    tensor([[[1., 1.],
             [1., 5.]]])
    """

    def __init__(self, *, normalisation: str = "chw") -> None:
        self.normalisation = check_choice(normalisation, NORMALISATIONS, name="normalisation")

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        check_images(x, name="the feature map")
        flat = x.flatten(2)  # (N, C, H W)
        count = {"chw": flat[0].numel(), "hw": flat.shape[2], "none": 1}[self.normalisation]
        return flat @ flat.transpose(1, 2) / count
