"""Numbers that the report's text tells of."""

import torch
from torch.nn.functional import avg_pool2d

from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.measures.sample_quality import hole_rate

import posterior
from autoencoder import AutoEncoder, naive_loss
from codes import REFERENCE, threshold
from data import Digits
from training import train
from uniform import uniform_loss

SEEDS, TRIAL_STEPS = (0, 1, 2), 150
TEMPERATURES = (0.005, 0.02, 0.08)


def numbers(data: Digits, models: dict) -> dict:
    """Spread of codes by start, pictures that deceive, T, the loss at best,
    and its cost."""
    return {
        "spread": {
            "own": [spread(data, seed, ours=False) for seed in SEEDS],
            "ours": [spread(data, seed, ours=True) for seed in SEEDS],
        },
        "pass": passing(models["naive"], data),
        "temperatures": temperatures(models["naive"], data),
        "batch": at_best(256),
        "cost": cost(models, data),
        "reference": min(REFERENCE, len(data.train)),
    }


def spread(data: Digits, seed: int, *, ours: bool) -> float:
    """The standard deviation of codes over digits after a short training.

    Uniform codes have 0.289. ours: whether `Layers.start` is used.
    """
    model = AutoEncoder(seed=seed)
    if ours:
        model.start(data.train)
    train(model, data.train, naive_loss, steps=TRIAL_STEPS, seed=seed)
    with torch.no_grad():
        return float(model.encode(data.validation).std(0).mean())


def passing(model: AutoEncoder, data: Digits) -> dict[str, float]:
    """The share of pictures that are no digits and pass as such."""
    real, limit = data.validation[:500], threshold(model, data)
    others = {
        "means of two": (real + real.roll(1, 0)) / 2,
        "blurred": avg_pool2d(real, 7, stride=1, padding=3),
        "empty": torch.zeros_like(real[:1]),
        "upside down": real.flip(2),
    }
    reference = data.train[:REFERENCE].flatten(1)
    return {
        name: 1 - hole_rate(each.flatten(1), reference, threshold=limit)
        for name, each in others.items()
    }


def temperatures(model: AutoEncoder, data: Digits) -> dict[str, list[float]]:
    """PSNR of restored validation digits, over the image, for each T."""
    x = data.validation[:16]
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    known = torch.ones(1, 1, 28, 28)
    upper = known.clone()
    upper[:, :, 14:] = 0
    found = {"T": list(TEMPERATURES)}
    for task, mask, sigma in (
        ("denoising", known, 0.4),
        ("denoising_small", known, 0.1),
        ("inpainting", upper, 0.1),
    ):
        y = mask * (x + sigma * noise)
        found[task] = [
            float(
                psnr(
                    posterior.restore_image(
                        y, mask=mask, sigma=sigma, model=model, temperature=T
                    ),
                    x,
                ).mean()
            )
            for T in TEMPERATURES
        ]
    return found


def at_best(batch: int) -> float:
    """The loss of uniform codes: not zero in a finite batch."""
    generator = torch.Generator().manual_seed(4)
    codes = torch.rand(20, batch, 10, generator=generator)
    return sum(float(uniform_loss(each, generator)) for each in codes) / 20


def cost(models: dict, data: Digits) -> float:
    """By what share the loss raises the error on validation digits."""
    x = data.validation
    naive, mended = (
        float((models[kind](x) - x).square().mean())
        for kind in ("naive", "mended")
    )
    return mended / naive - 1
