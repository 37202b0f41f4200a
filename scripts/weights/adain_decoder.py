"""The decoder of chapter 08: maps of `vgg_mini` whose moments AdaIN has replaced, back to a picture.

The loss is that of Huang & Belongie (2017): the painting's map is to be the one that went in, and its channel means and
deviations at four layers those of the style. Each error is relative, so that the weight does not depend on the scale
of the features. It belongs to the encoder it was trained with; the card says which.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from deeprestore_lab import images
from deeprestore_lab.artifacts import card, save_weights
from deeprestore_lab.backbones import load
from deeprestore_lab.networks.style_decoder import LAYER, WIDTHS, StyleDecoder
from deeprestore_lab.operators import ChannelDeviation, ChannelMean
from deeprestore_lab.style import adaptive_instance_normalisation
from deeprestore_lab.training import Patches, cosine, fit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from resumable import Parts  # noqa: E402
from style_pictures import DATA, LEARNT_FROM, LICENCE, SIDES, STOPPED_BY, learnt_from, recoloured, scaled  # noqa: E402

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "mini4_1")
STYLE_WEIGHT, TV_WEIGHT = 1.0, 0.2
STEPS, BATCH, PATCH, LR = 4000, 4, 96, 1e-3
PAINTED = 3  # styles of a batch that are painted; the rest are photographs
PAINTED_SIZES = (256, 256, 192, 160)
(ENCODER,) = card("vgg_mini", kind="weights").sha256.values()
SETTINGS = {
    "learnt_from": list(LEARNT_FROM),
    "sides": list(SIDES),
    "painted": [PAINTED, list(PAINTED_SIZES)],
    "encoder": ENCODER,
    "layer": LAYER,
    "widths": list(WIDTHS),
    "layers": list(LAYERS),
    "weights": [STYLE_WEIGHT, TV_WEIGHT],
    "steps": STEPS,
    "batch": BATCH,
    "patch": PATCH,
    "lr": LR,
    "precision": "bf16-mixed",
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
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = net.features(torch.cat([both[:, :3], both[:, 3:]]), LAYERS)
    f, styles = maps[LAYER][:count].float(), {layer: maps[layer][count:].float() for layer in LAYERS}
    return adaptive_instance_normalisation(f, styles[LAYER]), styles


def moments(f: torch.Tensor) -> torch.Tensor:
    """Means and deviations of the channels, `(N, 2C)`."""
    return torch.cat([ChannelMean()(f), ChannelDeviation()(f)], 1)


def errors(painted: torch.Tensor, both: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Relative errors of the map and, summed over layers, of the moments, each a mean over the batch."""
    wanted, styles = targets(both)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = load("vgg_mini", "embedded").features(painted, LAYERS)
    content = (maps[LAYER].float() - wanted).square().sum() / wanted.square().sum()
    gaps = [(moments(maps[k].float()), moments(styles[k])) for k in LAYERS]
    return content, sum((found - own).square().sum() / own.square().sum() for found, own in gaps)


def loss(painted: torch.Tensor, both: torch.Tensor) -> torch.Tensor:
    """Content, style and total variation of a batch of paintings."""
    content, style = errors(painted, both)
    variation = painted.diff(dim=2).abs().mean() + painted.diff(dim=3).abs().mean()
    return content + STYLE_WEIGHT * style + TV_WEIGHT * variation


def train(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The decoder, to the weights that were best on the photograph to stop by."""
    photographs = Patches(learnt_from(), size=PATCH)
    paintings = [
        images.pattern(name, size=size, seed=100 + number)
        for name in images.PAINTED
        for number, size in enumerate(PAINTED_SIZES)
    ]
    painted = Patches(paintings, size=PATCH)

    def pairs(x: torch.Tensor, seed: int, styles: int) -> torch.Tensor:
        others = [painted.draw(styles, seed=seed), photographs.draw(len(x) - styles, seed=seed + 1)]
        return torch.cat([x, recoloured(torch.cat(others), seed=seed + 2)], 1)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = recoloured(photographs.draw(BATCH, seed=5 * step), seed=5 * step + 1)
        both = pairs(x, 5 * step + 2, PAINTED)
        return both, both

    stop_by = Patches(scaled(images.photograph(STOPPED_BY)), size=PATCH, crops=False).every()
    stop_by = pairs(stop_by, 5 * STEPS, len(stop_by) - 1)
    network = Restyled()
    history = fit(
        network,
        draw,
        loss=loss,
        steps=STEPS,
        lr=cosine(LR, STEPS, warmup=50),
        held_out=(stop_by, stop_by),
        every=250,
        precision="bf16-mixed",
        checkpoint=PARTS.checkpoint(key),
        label=key,
    )
    return {"best_step": history.best_step, "held_out": history.held_out}, network.decoder.half().state_dict()


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
    _, weights = PARTS.get("decoder", train)
    content, style = quality(weights)
    save_weights(
        "adain_decoder",
        weights,
        command="make weights NAME=adain_decoder",
        data=f"{DATA}; painted patterns of this project, seeds from 100 on; the encoder is vgg_mini, sha256 "
        f"{ENCODER[:12]}",
        licence=LICENCE,
        seeds=[0],
        metric="five held-out photographs, three painted styles it never saw, 192 x 192: relative error of the map "
        f"{content:.3f}, of channel means and deviations, mean of four layers, {style / len(LAYERS):.3f}",
    )


if __name__ == "__main__":
    main()
