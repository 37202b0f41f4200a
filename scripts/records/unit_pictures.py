"""Pictures of channels of `vgg_mini` in five layers by six ways, four channels each, five seeds: chapter 20's slider.

Everything is embedded: the network, the photographs and the priors. Weights are those of `class_pictures`, in the same
units: an activation over the largest one seen on photographs, a pixel, and priors over their mean on photographs.
"""

from __future__ import annotations

import torch

from deeprestore_lab import backbones, images, minimise
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import Activation, unit_direction
from deeprestore_lab.measures.activation_pictures import relative_diversity
from deeprestore_lab.operators import Jitter, RandomRotation, RandomScale
from deeprestore_lab.parametrisations import DecorrelatedFourier, Pixels
from deeprestore_lab.priors import FieldOfExperts, TotalVariation
from scripts.making.recorded import small_strip
from scripts.making.resumable import Parts, rounded

SIZE, STEPS = 64, 80
LAYERS = ["conv1_2", "conv2_2", "conv3_3", "mini4_3_conv", "mini5_3_conv"]
CHANNELS, SEEDS = 4, [0, 1, 2, 3, 4]
VIEWS = RandomRotation(10) @ RandomScale(0.1) @ Jitter(4)
WAYS = [
    "no prior",
    "total variation",
    "field of experts",
    "views alone",
    "decorrelated",
    "decorrelated, views, total variation",
]
WEIGHTS = [0.0, 0.03, 0.1, 0.3, 1.0]  # of total variation in the last way: the second slider
SETTINGS = {
    "size": SIZE,
    "steps": STEPS,
    "layers": LAYERS,
    "channels": CHANNELS,
    "seeds": SEEDS,
    "ways": WAYS,
    "weights": WEIGHTS,
}
PARTS = Parts("unit_pictures", SETTINGS)
PIXELS = SIZE**2


def photographs() -> torch.Tensor:
    return images.photographs([*images.TRAINING_PHOTOGRAPHS, "astronaut", "chelsea", "hubble", "retina"], size=224)


def chosen(layer: str) -> tuple[list[int], torch.Tensor]:
    """Four channels, evenly spaced among those that some photograph activates, and each one's largest activation."""
    phi = backbones.load("vgg_mini", "embedded").at(layer)
    with torch.no_grad():
        largest = torch.cat([phi(x) for x in photographs().split(3)]).amax((0, 2, 3))
    live = (largest > 0).nonzero().flatten()
    places = torch.linspace(0, len(live) - 1, CHANNELS + 2).round().long()[1:-1]
    channels = live[places]
    return channels.tolist(), largest[channels]


def starts() -> torch.Tensor:
    """One start for each seed, the same for every channel: (seeds x channels, 3, SIZE, SIZE)."""
    draws = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    noise = torch.cat([torch.randn(1, 3, SIZE, SIZE, generator=draw) for draw in draws])
    return 0.5 + 0.01 * noise.repeat_interleave(CHANNELS, 0)


def relative(prior):
    """A prior over its mean on photographs, a pixel."""
    x = images.photographs(list(images.TRAINING_PHOTOGRAPHS), size=SIZE)
    with torch.no_grad():
        return prior / float(prior(x).mean() / PIXELS)


def made(layer: str, way: str, weight: float) -> tuple[dict, dict[str, torch.Tensor]]:
    channels, largest = chosen(layer)
    phi = backbones.load("vgg_mini", "embedded").at(layer)
    shape = phi.network.shapes(layer, (SIZE, SIZE))[layer]
    d = unit_direction(shape, channels * len(SEEDS), position="mean")
    scale = (largest / PIXELS).repeat(len(SEEDS))
    energy = Activation(phi, d, scale=scale)
    variation = relative(TotalVariation(smoothing=0.01))
    if "total variation" in way:
        energy = energy + weight * variation
    if way == "field of experts":
        energy = energy + weight * relative(FieldOfExperts.trained())
    options = {"views": VIEWS, "seed": 0} if "views" in way else {}
    smooth = way.startswith("decorrelated")
    g = DecorrelatedFourier(starts()) if smooth else Pixels(starts(), bounds=(0, 1))
    trace = minimise(
        energy, g, solver="adam", lr=0.1 if smooth else 0.05, steps=STEPS, snapshots=False, progress=False, **options
    )
    x = trace.x.detach().clamp(0, 1)
    with torch.no_grad():
        activation = -Activation(phi, d, scale=largest.repeat(len(SEEDS)))(x)
        rough = variation(x) / PIXELS
        features = x.reshape(len(SEEDS), CHANNELS, -1)
    reference = images.photographs(list(images.TRAINING_PHOTOGRAPHS), size=SIZE).flatten(1)
    numbers = {
        "channels": channels,
        "largest": largest.tolist(),
        "activation": activation.reshape(len(SEEDS), CHANNELS).tolist(),
        "variation": rough.reshape(len(SEEDS), CHANNELS).tolist(),
        "diversity": [relative_diversity(features[:, i], reference) for i in range(CHANNELS)],
    }
    return numbers, {"x": x[:CHANNELS]}


def usual(way: str) -> float:
    """The weight of a way's prior in the comparison of ways."""
    return 0.1 if "total" in way or "field" in way else 0.0


def part(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    layer, way, weight = key.split("; ")
    return made(layer, way, float(weight))


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    keys = [f"{layer}; {way}; {usual(way):g}" for layer in LAYERS for way in WAYS]
    keys += [f"{layer}; {WAYS[-1]}; {w:g}" for layer in LAYERS for w in WEIGHTS]
    parts = PARTS.all(list(dict.fromkeys(keys)), part)
    shown = {f"{place:02d}": own["x"] for place, (_, own) in enumerate(parts.values())}
    save_record(
        "unit_pictures",
        rounded({**SETTINGS, "numbers": {key: by_seed(numbers) for key, (numbers, _) in parts.items()}}),
        command="make records NAME=unit_pictures",
        data="vgg_mini, this project's; photographs of scikit-image and scikit-learn for the largest activations",
        licence="synthetic pictures",
        seeds=SEEDS,
        metric="mean activation over the largest seen: "
        + "; ".join(
            f"{way} {sum(_mean(parts[f'{layer}; {way}; {usual(way):g}'][0]) for layer in LAYERS) / len(LAYERS):.2f}"
            for way in WAYS
        ),
        pictures={f"{name}.webp": small_strip(x[..., 8:-8, 8:-8], quality=20) for name, x in shown.items()},
    )


def by_seed(numbers: dict) -> dict:
    """What the record keeps: means over the channels, one for each seed."""
    means = {key: [sum(row) / len(row) for row in numbers[key]] for key in ("activation", "variation")}
    return {"channels": numbers["channels"], **means, "diversity": sum(numbers["diversity"]) / CHANNELS}


def _mean(numbers: dict) -> float:
    values = [v for row in numbers["activation"] for v in row]
    return sum(values) / len(values)
