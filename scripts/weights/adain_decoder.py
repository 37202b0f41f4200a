"""The decoder of chapter 08: maps of `vgg_mini` whose moments AdaIN has replaced, back to a picture.

First it learns to give back pictures from their own maps, which takes a pixel loss and a third of the time a step. Then
the loss is that of Huang & Belongie (2017): the painting's map is to be the one that went in, and its channel means and
deviations at four layers those of the style, each error relative; and a picture that is its own style is to come back
as it was. The decoder belongs to the encoder it was trained with; the card says which.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import nn

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.core.machine import fast_autocast, fast_precision
from deeprestore_lab.networks.style_decoder import DEPTHS, LAYER, WIDTHS, StyleDecoder
from deeprestore_lab.operators import ChannelDeviation, ChannelMean
from deeprestore_lab.style import adaptive_instance_normalisation
from deeprestore_lab.training import Patches, cosine, fit
from scripts.making.resumable import Parts
from scripts.making.style_pictures import (
    DATA,
    LEARNT_FROM,
    LICENCE,
    SIDES,
    STOPPED_BY,
    encoder_sum,
    learnt_from,
    recoloured,
    scaled,
)

LAYERS = ("relu1_1", "relu2_2", "relu3_1", "mini4_1")
STYLE_WEIGHT, TV_WEIGHT, OWN_WEIGHT = 8.0, 0.1, 4.0
STEPS, BATCH, PATCH, LR = (500, 1800), (8, 4), (64, 96), (3e-3, 1.5e-3)  # one for each stage
STAGES = ("give back", "restyle")
PAINTED_SIZES = (256, 256, 192, 160)
ENCODER = encoder_sum(LAYER)
SETTINGS = {
    "learnt_from": list(LEARNT_FROM),
    "sides": list(SIDES),
    "painted": list(PAINTED_SIZES),
    "encoder": ENCODER,
    "layer": LAYER,
    "widths": list(WIDTHS),
    "depths": list(DEPTHS),
    "layers": list(LAYERS),
    "weights": [STYLE_WEIGHT, TV_WEIGHT, OWN_WEIGHT],
    "steps": list(STEPS),
    "batch": list(BATCH),
    "patch": list(PATCH),
    "lr": list(LR),
    "own": "in turn",
    "precision": fast_precision(),
}
PARTS = Parts("adain_decoder", SETTINGS)


class Restyled(nn.Module):
    """Pictures and styles, stacked `(N, 6, H, W)`, to the decoder's paintings."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = StyleDecoder(seed=0)

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        return self.decoder(targets(both)[0])


@lru_cache(maxsize=1)  # the forward pass and the loss of a step ask for the same
@torch.no_grad()
def targets(both: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The map that the decoder is given, and the styles' maps."""
    net, count = load("vgg_mini", "embedded"), len(both)
    with fast_autocast():
        maps = net.features(torch.cat([both[:, :3], both[:, 3:]]), LAYERS)
    f, styles = maps[LAYER][:count].float(), {layer: maps[layer][count:].float() for layer in LAYERS}
    return adaptive_instance_normalisation(f, styles[LAYER]), styles


def moments(f: torch.Tensor) -> torch.Tensor:
    """Means and deviations of the channels, `(N, 2C)`."""
    return torch.cat([ChannelMean()(f), ChannelDeviation()(f)], 1)


def errors(painted: torch.Tensor, both: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Relative errors of the map and, summed over layers, of the moments, each a mean over the batch."""
    wanted, styles = targets(both)
    with fast_autocast():
        maps = load("vgg_mini", "embedded").features(painted, LAYERS)
    content = (maps[LAYER].float() - wanted).square().sum() / wanted.square().sum()
    gaps = [(moments(maps[k].float()), moments(styles[k])) for k in LAYERS]
    return content, sum((found - own).square().sum() / own.square().sum() for found, own in gaps)


def loss(painted: torch.Tensor, both: torch.Tensor) -> torch.Tensor:
    """Content, style and total variation of a batch of paintings, and the pixels of those that are their own style."""
    content, style = errors(painted, both)
    variation = painted.diff(dim=2).abs().mean() + painted.diff(dim=3).abs().mean()
    own = (both[:, :3] == both[:, 3:]).flatten(1).all(1).float()
    pixels = ((painted - both[:, :3]).abs().mean((1, 2, 3)) * own).sum() / own.sum().clamp(min=1)
    return content + STYLE_WEIGHT * style + TV_WEIGHT * variation + OWN_WEIGHT * pixels


def pixel_loss(painted: torch.Tensor, both: torch.Tensor) -> torch.Tensor:
    """Mean square error of pictures that are their own style."""
    return (painted - both[:, :3]).square().mean()


def pictures(patch: int) -> tuple[Patches, Patches]:
    """Photographs and painted patterns to learn from."""
    painted = [
        images.pattern(name, size=size, seed=100 + number)
        for name in images.PAINTED
        for number, size in enumerate(PAINTED_SIZES)
    ]
    return Patches(learnt_from(), size=patch), Patches(painted, size=patch)


def train(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """One of the two stages, to the weights that were best on the photograph to stop by."""
    stage = STAGES.index(key)
    network, (photographs, painted) = Restyled(), pictures(PATCH[stage])
    if stage:
        network.decoder.load_state_dict(PARTS.get(STAGES[0], train)[1])

    def with_styles(x: torch.Tensor, seed: int) -> torch.Tensor:
        """Each picture is its own style at first; later all but the last have two paintings to one photograph."""
        if stage == 0:
            return torch.cat([x, x], 1)
        x, others = x.roll(seed % 2, 0), len(x) - 1  # the last is a painting and a photograph in turn
        styles = [painted.draw(others - others // 3, seed=seed), photographs.draw(others // 3, seed=seed + 1)]
        return torch.cat([x, torch.cat([recoloured(torch.cat(styles), seed=seed + 2), x[-1:]])], 1)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        seed = 7 * step
        x = [photographs.draw(BATCH[stage] - 1, seed=seed), painted.draw(1, seed=seed + 1)]
        both = with_styles(recoloured(torch.cat(x), seed=seed + 2), seed + 3)
        return both, both

    x = Patches(scaled(images.photograph(STOPPED_BY)), size=PATCH[stage], crops=False).every()
    stop_by = with_styles(x, 7 * STEPS[stage])
    history = fit(
        network,
        draw,
        loss=loss if stage else pixel_loss,
        steps=STEPS[stage],
        lr=cosine(LR[stage], STEPS[stage], warmup=50),
        held_out=(stop_by, stop_by),
        every=250,
        precision=SETTINGS["precision"],
        checkpoint=PARTS.checkpoint(key),
        label=key,
    )
    return {"best_step": history.best_step, "held_out": history.held_out}, network.decoder.state_dict()


@torch.no_grad()
def quality(weights: dict[str, torch.Tensor]) -> tuple[float, float]:
    """Errors of content and style over held-out photographs and painted styles it never saw, as shipped."""
    network = Restyled()
    network.decoder.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    x = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=192)
    styles = [images.pattern(name, size=192).expand(len(x), -1, -1, -1) for name in images.PAINTED]
    both = torch.cat([torch.cat([x, style], 1) for style in styles])
    return tuple(map(float, errors(network.eval()(both).clamp(0, 1), both)))


def main() -> None:
    """Train it if it is not trained yet, and write the artifact."""
    weights = {name: tensor.half() for name, tensor in PARTS.get(STAGES[1], train)[1].items()}
    content, style = quality(weights)
    save_weights(
        "adain_decoder",
        weights,
        command="make weights NAME=adain_decoder",
        data=f"{DATA}; painted patterns of this project, seeds from 100 on; the encoder is vgg_mini, "
        f"whose weights up to {LAYER} have sha256 {ENCODER}",
        licence=LICENCE,
        seeds=[0],
        metric="five held-out photographs, three painted styles it never saw, 192 x 192: relative error of the map "
        f"{content:.3f}, of channel means and deviations, mean of four layers, {style / len(LAYERS):.3f}",
    )
