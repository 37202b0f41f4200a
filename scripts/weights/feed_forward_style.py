"""The feed-forward style net of chapter 08: one network, one style, trained with the features of `vgg_mini`.

The loss is that of Johnson et al. (2016): content at one layer, Gram matrices at three, total variation. The errors of
Gram matrices are relative. That of the content is a mean square, of features whose mean square is near 1 on pictures:
relative to each photograph's own, flat skies would outweigh all else.
"""

from __future__ import annotations

from functools import cache

import torch

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.core.machine import fast_autocast, fast_precision
from deeprestore_lab.networks.feed_forward_style import ARCHITECTURE, STYLE, FeedForwardStyle
from deeprestore_lab.operators import Gram
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

CONTENT, LAYERS = "relu2_2", ("relu1_2", "relu2_2", "relu3_3")
STYLE_WEIGHT, TV_WEIGHT = 15.0, 0.2
STEPS, BATCH, PATCH, LR = 1000, 2, 128, 3e-3
ENCODER = encoder_sum(LAYERS[-1])
SETTINGS = {
    "encoder": ENCODER,
    "learnt_from": list(LEARNT_FROM),
    "sides": list(SIDES),
    "style": STYLE,
    "architecture": ARCHITECTURE,
    "content": [CONTENT, "mean square"],
    "layers": list(LAYERS),
    "weights": [STYLE_WEIGHT, TV_WEIGHT],
    "steps": STEPS,
    "batch": BATCH,
    "patch": PATCH,
    "lr": LR,
    "precision": fast_precision(),
}
PARTS = Parts("feed_forward_style", SETTINGS)


@cache
def grams(name: str, size: int, seed: int) -> dict[str, torch.Tensor]:
    """The Gram matrices of a painted pattern."""
    maps = load("vgg_mini", "embedded").features(images.pattern(name, size=size, seed=seed), LAYERS)
    return {layer: Gram()(f) for layer, f in maps.items()}


def style_error(maps: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> torch.Tensor:
    """Mean over layers of ||G - G_s||^2 / ||G_s||^2, one value per image."""
    gaps = [(Gram()(maps[k].float()) - wanted[k]).square().sum((1, 2)) / wanted[k].square().sum() for k in LAYERS]
    return torch.stack(gaps).mean(0)


def loss(painted: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Content, style and total variation of a batch of paintings of the images x."""
    net = load("vgg_mini", "embedded")
    with fast_autocast():
        maps = net.features(painted, sorted({CONTENT, *LAYERS}))
        with torch.no_grad():
            wanted = net.features(x, [CONTENT])[CONTENT].float()
    content = (maps[CONTENT].float() - wanted).square().mean()
    variation = painted.diff(dim=2).abs().mean() + painted.diff(dim=3).abs().mean()
    return content + STYLE_WEIGHT * style_error(maps, grams(**STYLE)).mean() + TV_WEIGHT * variation


def train(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The network, to the weights that were best on the photograph to stop by."""
    patches = Patches(learnt_from(), size=PATCH)
    stop_by = Patches(scaled(images.photograph(STOPPED_BY)), size=PATCH, crops=False).every()

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = recoloured(patches.draw(BATCH, seed=2 * step), seed=2 * step + 1)
        return x, x

    network = FeedForwardStyle(**ARCHITECTURE, seed=0)
    history = fit(
        network,
        draw,
        loss=loss,
        steps=STEPS,
        lr=cosine(LR, STEPS, warmup=50),
        held_out=(stop_by, stop_by),
        every=250,
        precision=SETTINGS["precision"],
        checkpoint=PARTS.checkpoint(key),
        label=key,
    )
    return {"best_step": history.best_step, "held_out": history.held_out}, network.half().state_dict()


@torch.no_grad()
def quality(weights: dict[str, torch.Tensor]) -> tuple[float, float]:
    """Style error of held-out photographs, 256 x 256, before and after, with the weights as they are shipped."""
    network = FeedForwardStyle(**ARCHITECTURE)
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    x = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=256)
    net = load("vgg_mini", "embedded")
    before, after = (style_error(net.features(each, LAYERS), grams(**STYLE)) for each in (x, network.eval()(x)))
    return float(before.mean()), float(after.mean())


def main() -> None:
    """Train it if it is not trained yet, and write the artifact."""
    _, weights = PARTS.get(STYLE["name"], train)
    before, after = quality(weights)
    save_weights(
        "feed_forward_style",
        weights,
        command="make weights NAME=feed_forward_style",
        data=f"{DATA}; the style is images.pattern({STYLE['name']!r}, size={STYLE['size']}, seed={STYLE['seed']}), "
        f"made by this project; the loss is of vgg_mini, whose weights up to {LAYERS[-1]} have "
        f"sha256 {ENCODER}",
        licence=LICENCE,
        seeds=[0],
        metric="mean relative error of the Gram matrices of vgg_mini's relu1_2, relu2_2 and relu3_3 on five held-out "
        f"photographs of 256 x 256: {after:.3f} (of the photographs themselves {before:.3f})",
    )
