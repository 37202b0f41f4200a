"""How far apart two images are in the layers of a network, each position's vector of channels at length one."""

from collections.abc import Sequence

import torch

from deeprestore_lab.backbones import Backbone, load
from deeprestore_lab.core.checks import check_images

# Spearman's rho with LPIPS's layers of SqueezeNet over 300 distorted pairs: relu3_3 alone 0.960, relu1_2, relu2_2 and
# relu3_3 together 0.907 (record vgg_mini).
DISTANCE_LAYERS = ("relu3_3",)


def distance(
    x: torch.Tensor,
    reference: torch.Tensor,
    *,
    network: Backbone | None = None,
    layers: Sequence[str] = DISTANCE_LAYERS,
    unit: bool = True,
) -> torch.Tensor:
    r"""sum over layers of 1 / (h w) sum over positions p of ||u(f_p(x)) - u(f_p(reference))||^2, one value per image.

    f_p is the vector of channels at position p and u(f) = f / ||f||, so that each position weighs the same (Zhang et
    al. 2018, equation 1, with every channel's weight 1); without `unit` u(f) = f. Images `(N, 3, H, W)`, or
    `(N, 1, H, W)`, which are shown as grey, in [0, 1]; a reference of batch 1 serves all; the result is `(N,)`, 0 for
    equal images and at most 2 per layer with `unit` after a ReLU. Differentiable. `network` None: the embedded
    `vgg_mini`. Differs from the source in its layers: relu3_3 alone by default, five of VGG16 there. Raises
    `ValueError` for shapes that do not fit, no layer, and layers the network does not have. Taught in chapter
    07_feature_losses.

    >>> x = torch.full((1, 3, 16, 16), 0.5)
    >>> float(distance(x, x, network=load("vgg_mini", "random")))
    network: vgg_mini, random weights, seed 0
    0.0
    """
    check_images(x)
    check_images(reference, name="reference")
    if x.shape[1:] != reference.shape[1:] or x.shape[1] not in (1, 3) or reference.shape[0] not in (1, x.shape[0]):
        raise ValueError(
            "x and reference must be colour or grey images of one shape (or a reference of batch 1): got "
            f"{tuple(x.shape)} and {tuple(reference.shape)}"
        )
    if isinstance(layers, str) or not layers:
        raise ValueError(f"layers must be a sequence of names, at least one, got {layers!r}")
    network = network if network is not None else load("vgg_mini")
    ours, theirs = (network.features(each.expand(-1, 3, -1, -1), layers) for each in (x, reference.to(x)))
    if unit:
        ours, theirs = _unit(ours), _unit(theirs)
    return sum((ours[layer] - theirs[layer]).square().sum(1).mean((1, 2)) for layer in layers)


def _unit(maps: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {layer: torch.nn.functional.normalize(f, dim=1, eps=1e-10) for layer, f in maps.items()}
