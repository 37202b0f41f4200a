"""Training a generator on images: what the models with a loss of each image by itself have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from deeprestore_lab.core.checks import check_images, check_seed, check_whole
from deeprestore_lab.generators.dequantisation import dequantised
from deeprestore_lab.training import History, fit, step_generator


class Generator(Protocol):
    """What `train` asks of a model: its losses, and how many normal numbers each image's loss takes."""

    noise: int

    def losses(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """`(N,)`, of images `(N, ...)` and standard normal numbers `(N, noise)`."""


def train(
    model: nn.Module,
    images: torch.Tensor,
    *,
    steps: int,
    batch: int = 128,
    lr: float | Callable[[int], float] = 1e-3,
    seed: int = 0,
    levels: int | None = None,
    held_out: torch.Tensor | None = None,
    every: int = 200,
    checkpoint: str | Path | None = None,
    accelerator: str = "cpu",
    progress: bool | None = None,
) -> History:
    r"""Lower the mean of `model.losses(x, noise)` over batches of `images` by `training.fit`; Adam, no decay.

    Each step draws `batch` images with replacement and their numbers from `seed` and the step, so a run that was
    interrupted goes on as it would have. With `levels` (256 for image files) images are `dequantised` anew each time
    they are drawn; without it they are taken as they are. `held_out` images are evaluated every `every` steps with one
    fixed draw, and the weights that were best there are kept. The model must be of the class `Flow`,
    `VariationalAutoEncoder` or `AutoEncoder`, or have the two names of `Generator`.

    Shapes: images `(N, C, H, W)` in [0, 1], or any `(N, ...)` for a model of vectors. Raises `ValueError` for settings
    that do not fit and for a loss that is not finite. Taught in chapter 13_generators.

    >>> from deeprestore_lab.generators import AutoEncoder
    >>> images = torch.rand(64, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> history = train(AutoEncoder(latent=2, widths=(16,), shape=(1, 4, 4)), images, steps=20, batch=32)
    >>> history.loss[-1] < history.loss[0]
    True
    """
    seed, batch = check_seed(seed), check_whole(batch, name="batch", least=1)
    if levels is not None:
        check_images(images, name="images")

    def batch_of(x: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        if levels is not None:
            x = dequantised(x, torch.rand(x.shape, generator=generator).to(x), levels=levels)
        return x, torch.randn(len(x), model.noise, generator=generator).to(x)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = step_generator(seed, step)
        rows = torch.randint(len(images), (batch,), generator=generator)
        return batch_of(images[rows], generator)

    return fit(
        model,
        draw,
        steps=steps,
        objective=lambda batch: model.losses(*batch).mean(),
        lr=lr,
        held_out=None if held_out is None else batch_of(held_out, torch.Generator().manual_seed(seed)),
        every=every,
        checkpoint=checkpoint,
        accelerator=accelerator,
        label=f"training a {type(model).__name__}",
        progress=progress,
    )
