"""Layers with a start that does not collapse, and a training loop (given)."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

SLOPE, SCALE = 0.2, 0.3
Loss = Callable[[nn.Module, torch.Tensor, torch.Generator], torch.Tensor]


class Layers(nn.Module):
    """The layers of both halves. What closes them, a sigmoid each, is yours.

    `encoder`: `(N, 784)`, standardised, to `(N, d)`, any real numbers.
    `decoder`: `(N, d)` to `(N, 784)`, any real numbers.
    """

    def __init__(self, *, latent: int = 10, widths=(256, 128), seed: int = 0):
        super().__init__()
        torch.manual_seed(seed)
        self.latent = latent
        sizes = (784, *widths, latent)
        self.encoder, self.decoder = _stack(sizes), _stack(sizes[::-1])
        self.register_buffer("mean", torch.zeros(784))

    def standardised(self, x: torch.Tensor) -> torch.Tensor:
        """Images `(N, 1, 28, 28)` as rows `(N, 784)` for the encoder."""
        return (x.flatten(1) - self.mean) / SCALE

    @torch.no_grad()
    def start(self, images: torch.Tensor) -> None:
        """A start that depends on the data. With torch's own, many runs end
        with one code for all digits; try it."""
        images = images[:1000]
        self.mean.copy_(images.flatten(1).mean(0))
        for layer in [*self.encoder, *self.decoder]:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, a=SLOPE)
                nn.init.zeros_(layer.bias)
        spread = self.encoder(self.standardised(images)).std()
        self.encoder[-1].weight.div_(spread)
        self.decoder[-1].weight.mul_(0.1)
        self.decoder[-1].bias.copy_(self.mean.clamp(0.01, 0.99).logit())


def _stack(sizes) -> nn.Sequential:
    layers = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers[:-1])


def train(
    model: Layers,
    images: torch.Tensor,
    loss: Loss,
    *,
    steps: int,
    batch: int = 256,
    lr: float = 2e-3,
    seed: int = 0,
) -> None:
    """Adam on `loss(model, x, generator)`, a scalar, for batches x of images.

    `generator` is what the loss draws its random numbers from: the same seed
    gives the same training. The step size rises for 50 steps and then falls
    as a cosine.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    for step in range(steps):
        rate = min(1.0, (step + 1) / 50)
        rate *= 0.5 * (1 + math.cos(math.pi * step / steps))
        optimiser.param_groups[0]["lr"] = lr * rate
        chosen = torch.randint(len(images), (batch,), generator=generator)
        value = loss(model, images[chosen], generator)
        if not value.isfinite():
            raise ValueError(f"the loss is {value.item()} at step {step}")
        optimiser.zero_grad()
        value.backward()
        optimiser.step()


def trained(
    path: Path, model: Layers, images: torch.Tensor, loss: Loss, *, steps: int
) -> Layers:
    """The model with the weights of a file, or trained and kept in that file.

    Remove the file to train again: it does not know that a loss was changed.
    """
    if path.exists():
        print(f"weights from {path.name}; remove it to train again")
        model.load_state_dict(load_file(path))
    else:
        model.start(images)
        train(model, images, loss, steps=steps)
        save_file(model.state_dict(), path)
    return model.requires_grad_(False).eval()
