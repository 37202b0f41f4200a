"""A bounded auto-encoder from its start to its trained weights. Taught in chapter 12_latent_autoencoder."""

from pathlib import Path

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole
from deeprestore_lab.generators.code_matching import NAIVE, MatchedTraining, Matching
from deeprestore_lab.networks.bounded_autoencoder import BoundedAutoEncoder
from deeprestore_lab.training import cosine, fit

STEPS, BATCH, RATE, WARMUP = 3000, 256, 2e-3, 50
MENDED = Matching(sliced_wasserstein=0.02, neighbour=0.2, candidates=32)  # measured by the record latent_matching


def train_bounded(
    images: torch.Tensor,
    *,
    latent: int = 10,
    matching: Matching = NAIVE,
    steps: int = STEPS,
    batch: int = BATCH,
    seed: int = 0,
    mixed: bool | None = None,
    accelerator: str = "cpu",
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
) -> BoundedAutoEncoder:
    r"""Minimise ||D(E(x)) - x||^2 and what `matching` adds, over the codec's weights, from `initialise`; Adam.

    `images` are the data, `(N, C, H, W)` in [0, 1]. `latent` is d. `matching` `NAIVE` adds nothing. The step size
    rises to 2e-3 in 50 steps and falls as a cosine. `seed` makes weights and batches repeatable. With `mixed` the
    layers and their sigmoids run in bfloat16 while training; None does so where the machine computes in it, and on
    others, most laptops among them, it is float32 (`machine.has_bfloat16`). `accelerator`, `checkpoint` and `progress`
    are those of `training.fit`. The model comes back in eval mode, its parameters without gradients. Raises
    `ValueError` for settings that do not fit and a loss that is not finite. Taught in chapter 12_latent_autoencoder.

    >>> from deeprestore_lab import data
    >>> train_bounded(data.mnist("train", limit=300).images, steps=0, progress=False).latent
    data: 300 images, train split, from ...
    10
    """
    check_images(images, name="images"), check_whole(steps, name="steps", least=0), check_seed(seed)
    model = BoundedAutoEncoder(latent=latent, shape=tuple(images.shape[1:]), seed=seed)
    model.initialise(images[torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:1000]])
    training = MatchedTraining(model, images, matching=matching, batch=batch, seed=seed, mixed=mixed)
    fit(
        training,
        training.draw,
        steps=steps,
        objective=training,
        lr=cosine(RATE, steps, warmup=min(WARMUP, steps - 1)) if steps > 0 else RATE,
        accelerator=accelerator,
        checkpoint=checkpoint,
        label="auto-encoder",
        progress=progress,
    )
    return model.requires_grad_(False).eval()
