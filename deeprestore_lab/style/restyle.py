"""Any style in one pass: the encoder, a match of statistics, and the trained decoder. Taught in chapter 08_style."""

from collections.abc import Callable
from functools import partial

import torch
from torch.nn.functional import pad

from deeprestore_lab.backbones import load
from deeprestore_lab.core.checks import check_choice, check_images
from deeprestore_lab.networks.style_decoder import LAYER, WIDTHS, adain_decoder
from deeprestore_lab.style.gaussian_maps import adaptive_instance_normalisation, match_covariance

MATCHES: dict[str, Callable[..., torch.Tensor]] = {
    "moments": adaptive_instance_normalisation,
    "transport": partial(match_covariance, way="transport"),
    "whitening": partial(match_covariance, way="whitening"),
}


@torch.no_grad()
def restyle(
    x: torch.Tensor, style: torch.Tensor, *, alpha: float | torch.Tensor = 1.0, match: str = "moments"
) -> torch.Tensor:
    r"""g((1 - alpha) phi(x) + alpha T(phi(x))): the picture in the style, by AdaIN and a decoder, without optimisation.

    phi is the layer `LAYER` of the embedded `vgg_mini`, g its decoder, T the match of statistics: "moments" (AdaIN,
    what g was trained for), or the full covariance by "transport" or "whitening" (`match_covariance`). `x` `(N, 3, H,
    W)` and `style` `(N, 3, h, w)` or `(1, 3, h, w)` are RGB in [0, 1], sides at least 32; `alpha` is a float or `(N,)`.
    What comes out has the shape of `x` and is clipped to [0, 1]. Gradients are not kept. Raises `ValueError` for
    pictures that do not fit and for another match.

    Source: Huang & Belongie (2017), figure 2. Taught in chapter 08_style.

    >>> import deeprestore_lab as drl
    >>> x, style = drl.images.photograph("chelsea", size=64), drl.images.pattern("swirls", size=64)
    >>> import contextlib, io
    >>> with contextlib.redirect_stdout(io.StringIO()):  # the network says once which weights it has
    ...     painted = restyle(x, style)
    >>> painted.shape
    torch.Size([1, 3, 64, 64])
    """
    own = MATCHES[check_choice(match, tuple(MATCHES), name="match")]
    for name, each in (("x", x), ("style", style)):
        if min(check_images(each, name=name, channels=3).shape[2:]) < 32:
            raise ValueError(f"both sides of {name} must be at least 32, got {each.shape[2]} x {each.shape[3]}")
    net = load("vgg_mini", "embedded")
    height, width = x.shape[2:]
    step = 2 ** (len(WIDTHS) - 1)  # pixels a position of the map, to a side
    whole = pad(x, (0, -width % step, 0, -height % step), mode="reflect")
    f, target = (net.features(each, [LAYER])[LAYER] for each in (whole, style))
    decoder = adain_decoder().to(f)
    return decoder(own(f, target, alpha=alpha))[:, :, :height, :width].clamp(0, 1)
