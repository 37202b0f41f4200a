"""Fitting a field of experts to photographs in seconds. Taught in chapter 14_learned_filters."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_choice, check_level, check_lr, check_seed, check_units, check_whole
from deeprestore_lab.core.dependence import check_differentiable
from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.priors.experts import expert as expert_of
from deeprestore_lab.priors.field_of_experts import FieldOfExperts
from deeprestore_lab.training.adam_moments import AdamMoments
from deeprestore_lab.training.augmentation import turned
from deeprestore_lab.training.schedules import cosine
from deeprestore_lab.training.score_matching.picture_gradient import picture_loss_and_gradient
from deeprestore_lab.training.score_matching.pictures import best_factor, picture_denoising
from deeprestore_lab.training.score_matching.whitening import whitening

LOSSES = ("score_matching", "denoising")
BETAS = (0.9, 0.99)  # of Adam: crops differ, so that an old square of a slope says little
SAMPLED = 20_000  # patches that the whitening is estimated from


@dataclass(frozen=True)
class FieldFit:
    """A fitted field, the loss of each step (times sigma^2, mean over pixels), and the CPU seconds it took."""

    field: FieldOfExperts
    losses: torch.Tensor  # (steps,)
    seconds: float


def fit_field(
    pictures: Sequence[torch.Tensor],
    *,
    count: int = 24,
    size: int = 5,
    expert: str | Expert = "student",
    sigma: float = 5 / 255,
    loss: str = "score_matching",
    steps: int = 400,
    batch: int = 8,
    side: int = 32,
    lr: float = 0.05,
    seed: int = 0,
) -> FieldFit:
    r"""A field of `count` filters of `size` x `size`, learned by Adam from `batch` crops of `side` x `side` a step.

    `pictures` are grey, `(1, 1, H, W)` each, as large as a crop at least. Crops are turned and mirrored at random, and
    noise of level `sigma` is drawn anew for each: R becomes -log of the density of pictures with that noise, which is
    smooth. With noise that stays the loss has no minimum: a filter that grows and answers 0 at one place lowers it
    without end. Pixels that fewer filters see than those inside do not count. `loss` "score_matching" or "denoising"
    (see `pictures`). Filters have no mean: they are combinations of the size^2 - 1 principal components of patches less
    their mean, each of variance 1, which makes the descent fast. Weights stay above 0 as exponentials.

    Computed in float32 on the CPU. Raises `ValueError` for pictures that are too small, not finite or all flat, for
    none of them, no expert, no loss.
    """
    pictures = [check_units(x, name="pictures", channels=1).detach().float().cpu() for x in pictures]
    if not pictures or any(len(x) != 1 or not bool(torch.isfinite(x).all()) for x in pictures):
        raise ValueError(f"pictures must be finite, (1, 1, H, W) each, got {[tuple(x.shape) for x in pictures]}")
    check_differentiable("learning a field")
    count, size, steps = (
        check_whole(n, name=k, least=m) for n, k, m in ((count, "count", 1), (size, "size", 2), (steps, "steps", 1))
    )
    batch, side = check_whole(batch, name="batch", least=1), check_whole(side, name="side", least=2 * size)
    sigma, seed, _ = check_level(sigma, single=True), check_seed(seed), check_choice(loss, LOSSES, name="loss")
    margin = size - 1  # pixels that all size^2 places see are left
    if small := [tuple(x.shape[2:]) for x in pictures if min(x.shape[2:]) < side]:
        raise ValueError(f"crops of {side} x {side} do not fit into a picture of {small[0][0]} x {small[0][1]}")
    start, generator = time.process_time(), torch.Generator().manual_seed(seed)
    first = _crops(pictures, 64, side, generator)
    basis = whitened_basis(first, size=size, sigma=sigma)
    theta = torch.randn(count, len(basis), generator=generator) * len(basis) ** -0.5
    noisy = first + sigma * torch.randn(first.shape, generator=generator)
    begin = best_factor(noisy, (theta @ basis).view(count, size, size), torch.ones(count), expert=expert)
    logs, law = torch.full((count,), math.log(begin)), expert_of(expert)
    rate, losses = check_lr(lr) if callable(lr) else cosine(lr, steps), []
    moments = [AdamMoments(own, betas=BETAS) for own in (theta, logs)]
    pixels = batch * (side - 2 * margin) ** 2
    for step in range(steps):
        clean = _crops(pictures, batch, side, generator)
        noise = sigma * torch.randn(clean.shape, generator=generator)
        filters, weights = (theta @ basis).view(count, size, size), logs.exp()
        if loss == "denoising":
            filters, weights = filters.requires_grad_(), weights.requires_grad_()
            with torch.enable_grad():
                each = picture_denoising(clean, noise, filters, weights, sigma=sigma, expert=law, margin=margin)
                value, slopes = each.sum().detach(), torch.autograd.grad(each.sum(), (filters, weights))
        else:
            found = picture_loss_and_gradient(clean + noise, filters, weights, expert=law, margin=margin)
            value, *slopes = (sigma**2 * own for own in found)
        by_filter, by_weight = slopes
        moments[0].move_(theta, by_filter.flatten(1) @ basis.T / pixels, lr=rate(step))
        moments[1].move_(logs, by_weight * weights.detach() / pixels, lr=rate(step))
        losses.append(float(value) / pixels)
    field = FieldOfExperts((theta @ basis).view(count, size, size), logs.exp(), expert=law)
    return FieldFit(field, torch.tensor(losses), time.process_time() - start)


def whitened_basis(x: torch.Tensor, *, size: int, sigma: float) -> torch.Tensor:
    r"""Rows `(size^2 - 1, size^2)` that turn patches of `x` with noise of level `sigma` into uncorrelated unit values.

    Patches are less their mean; see `whitening`.
    """
    patches = x.unfold(2, size, 1).unfold(3, size, 1).reshape(-1, size**2).double()
    patches = patches[:: max(1, len(patches) // SAMPLED)]
    patches = patches - patches.mean(1, keepdim=True)
    return whitening(patches, noise=sigma).forward.flip(0).float()  # the finest first


def _crops(pictures: Sequence[torch.Tensor], count: int, side: int, generator: torch.Generator) -> torch.Tensor:
    """`count` squares `(count, 1, side, side)` from pictures drawn at random, turned and mirrored."""
    found = []
    for _ in range(count):
        x = pictures[int(torch.randint(len(pictures), (1,), generator=generator))]
        top, left = (int(torch.randint(n - side + 1, (1,), generator=generator)) for n in x.shape[2:])
        crop = x[:, :, top : top + side, left : left + side]
        found.append(turned(crop, int(torch.randint(8, (1,), generator=generator))))
    return torch.cat(found)
