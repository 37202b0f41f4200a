"""The nets of chapter 07 that enlarge four times: by a pixel loss, by a feature loss, and one of SRCNN's size.

Photographs are split: embedded and free ones to learn from, one to stop by, five held out. The small pictures are made
by `operators.Downsample(4)`. The net of the feature loss starts from the weights of the pixel loss, as the nets of
SRGAN (Ledig et al. 2017) do, and keeps a share of that loss; Johnson et al. (2016) start it anew, without such a term,
and look at relu2_2 alone. That layer stands behind a pooling: what changes sign from pixel to pixel hardly reaches it,
and nets that answered to it alone laid a cross-hatch over all that is smooth. Trials of 300 steps from the pixel net,
on the photograph to stop by, power of what is finer than 2.5 pixels in smooth places over that of the picture: relu2_2
0.039, relu1_2 and relu2_2 0.010, pixel loss 0.005. So relu1_2, which stands before the pooling, is in the loss too. By
step 2500 it is 0.046 again: some of the pattern pays in both layers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import nn
from torch.nn.functional import mse_loss

from deeprestore_lab import backbones, images
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.core.machine import fast_autocast, fast_precision
from deeprestore_lab.measures import metrics
from deeprestore_lab.networks.super_resolution import ARCHITECTURE, FACTOR, SRCNN, SUPER_RESOLVERS, Upsampler
from deeprestore_lab.operators import Downsample, one_evaluation
from deeprestore_lab.training import Patches, cosine, fit
from scripts.making.photographs.free import SUMS
from scripts.making.photographs.learnt import DATA, EMBEDDED, LICENCE, STOPPED_BY, learnt_photographs, scaled
from scripts.making.resumable import Parts

SIDES = (384, 224)  # each photograph is there twice, its shorter side this long
PATCH = 64
BATCH = {"pixel": 16, "srcnn": 16, "feature": 8}
STEPS = {"pixel": 5000, "srcnn": 1500, "feature": 2500}
LR = {"pixel": 1e-3, "srcnn": 1e-3, "feature": 5e-4}
FEATURES = ("vgg_mini", ("relu1_2", "relu2_2"), "embedded")
PIXELS, JITTER = 0.1, 3  # share of the pixel loss in the loss of the features; pixels
SETTINGS = {
    "learnt_from": [*EMBEDDED, *SUMS],
    "stopped_by": STOPPED_BY,
    "sides": list(SIDES),
    "batch": 16,
    "patch": PATCH,
    "factor": FACTOR,
    "precision": f"{fast_precision()} inside convolutions",
}
ORDER = ("pixel", "srcnn", "feature")


def parts(name: str) -> Parts:
    """Where the net `name` is kept: those of other settings are others."""
    own = SETTINGS | {"net": name, "steps": STEPS[name], "lr": LR[name]}
    own |= {"architecture": ARCHITECTURE} if name != "srcnn" else {}
    own |= (
        {"features": [*FEATURES[1]], "pixels": PIXELS, "jitter": JITTER, "batch": BATCH[name], "start": STEPS["pixel"]}
        if name == "feature"
        else {}
    )
    return Parts(f"super_resolution_{name}", own)


@cache
def patches() -> Patches:
    """What is learnt from."""
    return Patches([x for photograph in learnt_photographs() for x in scaled(photograph, SIDES)], size=PATCH)


def draw(step: int, *, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The batch of a step: `count` patches, every second batch turned by a quarter, colours in a random order."""
    x = patches().draw(count, seed=step)
    order = torch.randperm(3, generator=torch.Generator().manual_seed(step))
    x = (x.mT if step % 2 else x)[:, order].contiguous()
    return Downsample(FACTOR)(x), x


def feature_loss(start: nn.Module, pair: tuple[torch.Tensor, torch.Tensor]) -> Callable:
    r"""(1 - PIXELS) mean over layers of F_l / F_l0 + PIXELS P / P_0.

    F_l is the mean square of phi_l(output) - phi_l(target), P that of the pixels; F_l0 and P_0 are those of the net to
    start from, on `pair`. phi_l is a layer of a trained network. Both pictures are cut by up to JITTER pixels, another
    number in each step: patterns that hang on the grid of the pooling would pay otherwise.
    """
    network, layers, weights = FEATURES
    phis = [backbones.representation(network, layer, weights=weights) for layer in layers]
    generator = torch.Generator().manual_seed(0)

    def both(output: torch.Tensor, target: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        top, left = torch.randint(JITTER + 1, (2,), generator=generator).tolist()
        side = output.shape[2] - JITTER
        output, target = (x[..., top : top + side, left : left + side] for x in (output, target))
        with fast_autocast(), one_evaluation():
            with torch.no_grad():
                wanted = [phi(target) for phi in phis]
            found = [phi(output) for phi in phis]
        errors = [mse_loss(a.float(), b.float()) for a, b in zip(found, wanted, strict=True)]
        return errors, mse_loss(output, target)

    with torch.no_grad():
        first = both(start(pair[0]), pair[1])

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        features, pixels = both(output, target)
        relative = sum(error / at_first for error, at_first in zip(features, first[0], strict=True)) / len(features)
        return (1 - PIXELS) * relative + PIXELS * pixels / first[1]

    return loss


class Mixed(nn.Module):
    """A net whose convolutions run in bfloat16 where that is fast; its input, and what is added to it, stay."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        with fast_autocast():
            return self.net(y)


def network_of(name: str) -> nn.Module:
    """The net before it learns anything."""
    return SRCNN() if name == "srcnn" else Upsampler(**ARCHITECTURE)


def train(name: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One net, from its start to the weights that were best on the photograph to stop by."""
    network, loss = network_of(name), mse_loss
    stop_by = Patches(scaled(images.photograph(STOPPED_BY), SIDES), size=PATCH, crops=False).every()[::2]
    held_out = Downsample(FACTOR)(stop_by), stop_by
    if name == "feature":
        network.load_state_dict({key: w.float() for key, w in parts("pixel").get("pixel", train)[1].items()})
        loss = feature_loss(network, held_out)
    history = fit(
        Mixed(network),
        partial(draw, count=BATCH[name]),
        steps=STEPS[name],
        loss=loss,
        lr=cosine(LR[name], STEPS[name], warmup=100),
        held_out=held_out,
        every=500,
        checkpoint=parts(name).checkpoint(name),
        label=name,
    )
    return {"best_step": history.best_step, "held_out": history.held_out}, network.half().state_dict()


def quality(name: str, weights: dict[str, torch.Tensor]) -> float:
    """Mean PSNR of Y over the held-out photographs, 192 x 192, less a border of 4, of the weights as shipped."""
    network = network_of(name)
    network.load_state_dict({key: tensor.float() for key, tensor in weights.items()})
    x = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=192)
    with torch.no_grad():
        found = network(Downsample(FACTOR)(x).clamp(0, 1)).clamp(0, 1)
    return float(metrics.psnr(images.luma(found), images.luma(x), border=FACTOR).mean())


def main() -> None:
    """Train what is not trained yet, and write all as one artifact."""
    nets = {name: parts(name).get(name, train)[1] for name in ORDER}
    reached = ", ".join(f"{name} {quality(name, nets[name]):.2f}" for name in SUPER_RESOLVERS)
    save_weights(
        "super_resolution",
        {f"{name}.{key}": tensor for name, weights in nets.items() for key, tensor in weights.items()},
        command="make weights NAME=super_resolution",
        data=f"{DATA}; feature loss through {' and '.join(FEATURES[1])} of {FEATURES[0]}, which "
        "imitates VGG16; "
        f"its net starts from that of the pixel loss and keeps a share of {PIXELS:g} of that loss",
        licence=LICENCE,
        seeds=[0],
        metric=f"mean PSNR of Y in dB, x4, five held-out photographs of 192 x 192 less a border of 4: {reached}",
    )
