"""Implicit maximum likelihood: every image pulls on the sample that is nearest to it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import nn
from torch.nn.functional import mse_loss

from deeprestore_lab.core.checks import check_positive, check_seed, check_whole, describe
from deeprestore_lab.generators.decoder import Decoder
from deeprestore_lab.generators.neighbours import Neighbours
from deeprestore_lab.measures.discrepancies import nearest
from deeprestore_lab.training import History, fit, step_generator


class Search(Protocol):
    """What finds neighbours: `Neighbours` and `Reranked` do."""

    def query(self, x: torch.Tensor, *, k: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """Distances and places `(N, k)`."""


def summed_log_density(x: torch.Tensor, samples: torch.Tensor, *, sigma: float) -> torch.Tensor:
    r"""log 1/m sum_j N(x_i; g_j, sigma^2 I), `(N,)` in nats: the density of samples blurred by sigma, at each x_i.

    `matching_cost` is its limit. The mean of m terms is at most the largest and at least its m-th part, so that

        0 <= -2 sigma^2 (log p(x_i) + D/2 log(2 pi sigma^2)) - min_j |x_i - g_j|^2 <= 2 sigma^2 log m,

    and -2 sigma^2 sum_i log p(x_i), less a term without g, goes to sum_i min_j |x_i - g_j|^2 as sigma goes to 0. The
    limit is a cost on samples alone: it has no sigma, and it gives no density.

    Shapes: `x` `(N, D)`, `samples` g `(M, D)`. Units: sigma in those of x. Raises `ValueError` for what does not fit.
    Source: Li & Malik (2018), "Implicit maximum likelihood estimation", section 3; Parzen (1962) for the sum. Taught in
    chapter 13_generators.

    >>> summed_log_density(torch.zeros(1, 1), torch.zeros(1, 1), sigma=1.0)  # -1/2 log(2 pi)
    tensor([-0.9189])
    """
    sigma = check_positive(sigma, name="sigma", single=True)
    _check_rows(x, samples)
    squares = torch.cdist(x, samples, compute_mode="donot_use_mm_for_euclid_dist").square()
    constant = x.shape[1] / 2 * math.log(2 * math.pi * sigma**2) + math.log(len(samples))
    return torch.logsumexp(-squares / (2 * sigma**2), dim=1) - constant


def matching_cost(x: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    r"""sum_i min_j |x_i - g_j|^2, a scalar: each x_i `(N, D)` and its nearest sample g_j `(M, D)`; differentiable.

    Every datum must have a sample near it, so no mode may be dropped; a sample far from all data costs nothing. (The
    other way round, each sample and its nearest datum, is `discrepancies.reverse_chamfer`.) Units: those of x, squared.
    Raises `ValueError` for shapes that do not fit. Source: Li & Malik (2018), equation 1. Taught in chapter
    13_generators.

    >>> matching_cost(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [9.0]]))
    tensor(0.5000)
    """
    _check_rows(x, samples)
    return nearest(x, samples)[0].square().sum()


class IMLE(Decoder):
    """A `Decoder` of normal codes, to be trained by `train_imle`; it gives samples and no density.

    Settings and shapes are the decoder's. Source: Li & Malik (2018). Taught in chapter 13_generators.

    >>> IMLE(latent=4, widths=(16,), shape=(1, 8, 8)).sample(3).shape
    torch.Size([3, 1, 8, 8])
    """

    @torch.no_grad()
    def sample(self, count: int, *, seed: int = 0) -> torch.Tensor:
        """`(count, *shape)`: D(z) of normal z."""
        return self(normal_codes(count, self.latent, seed=seed).to(next(self.parameters())))


def normal_codes(count: int, latent: int, *, seed: int) -> torch.Tensor:
    """Standard normal `(count, latent)`; raises `ValueError` for counts below 1.

    >>> normal_codes(3, 2, seed=0).shape
    torch.Size([3, 2])
    """
    shape = check_whole(count, name="count", least=1), check_whole(latent, name="latent", least=1)
    return torch.randn(shape, generator=torch.Generator().manual_seed(check_seed(seed)))


def train_imle(
    generator: nn.Module,
    data: torch.Tensor,
    *,
    latent: int,
    steps: int,
    pool: int = 4096,
    refresh: int = 50,
    batch: int = 128,
    lr: float | Callable[[int], float] = 1e-3,
    jitter: float = 0.0,
    search: Callable[[torch.Tensor], Search] = Neighbours,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    accelerator: str = "cpu",
    progress: bool | None = None,
) -> History:
    r"""Lower the mean of |x_i - g(z_i)|^2, z_i the code of the sample nearest to x_i among `pool` fresh ones.

    Every `refresh` steps new normal codes `(pool, latent)` are drawn, and `search(samples)` finds the nearest for the
    data of the steps until the next time. Between them the pairs stay, though the samples move; `jitter` adds normal
    numbers of that size to the codes, so that the generator is smooth about them. `data` is `(N, ...)`, images or
    codes; `generator` maps `(N, latent)` to that shape. In low dimension a match is close for a pool of hundreds; in
    high dimension all samples are about equally far, and approximate searches miss the nearest: `Reranked`, or the
    latent form, `GLANN`.

    The trained steps are those of `training.fit` with Adam, and so is `checkpoint`, which holds the pairs too: a run
    that is taken up again ends as it would have. Raises `ValueError` for settings that do not fit. Source:
    Li & Malik (2018), algorithm 1. Taught in chapter 13_generators.

    >>> data = torch.rand(64, 2, generator=torch.Generator().manual_seed(0))
    >>> network = nn.Linear(2, 2)
    >>> train_imle(network, data, latent=2, steps=20, pool=64, refresh=5, batch=16).best_step
    20
    """
    seed, batch, pool = (
        check_seed(seed),
        check_whole(batch, name="batch", least=1),
        check_whole(pool, name="pool", least=1),
    )
    latent = check_whole(latent, name="latent", least=1)
    refresh, count = check_whole(refresh, name="refresh", least=1), len(data)
    matched = _Matched(generator, torch.zeros(refresh * batch, latent, dtype=data.dtype))

    @torch.no_grad()
    def match(step: int) -> None:
        numbers = step_generator(seed, step)
        rows = torch.cat([torch.randperm(count, generator=numbers) for _ in range(-(-refresh * batch // count))])
        codes = torch.randn(pool, latent, generator=numbers)
        samples = torch.cat([generator(some.to(matched.codes)).cpu() for some in codes.to(data).split(4096)])
        needed, back = rows[: refresh * batch].unique(return_inverse=True)
        places = search(samples.flatten(1)).query(data[needed.to(data.device)].flatten(1).cpu())[1][:, 0][back]
        spread = jitter * torch.randn(len(places), latent, generator=numbers)
        matched.rows.copy_(rows[: refresh * batch])
        matched.codes.copy_(codes[places] + spread)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        if step % refresh == 0:
            match(step)
        part = slice(step % refresh * batch, (step % refresh + 1) * batch)
        return matched.codes[part], data[matched.rows[part].to(data.device)]

    return fit(
        matched,
        draw,
        steps=steps,
        loss=mse_loss,
        lr=lr,
        checkpoint=checkpoint,
        accelerator=accelerator,
        label="training by matching",
        progress=progress,
    )


class _Matched(nn.Module):
    """A generator with its pairs of data and codes, which a checkpoint then holds."""

    def __init__(self, generator: nn.Module, codes: torch.Tensor) -> None:
        super().__init__()
        self.generator = generator
        self.register_buffer("codes", codes)
        self.register_buffer("rows", torch.zeros(len(codes), dtype=torch.long))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.generator(z)


def _check_rows(x: torch.Tensor, samples: torch.Tensor) -> None:
    if x.ndim != 2 or samples.ndim != 2 or x.shape[1] != samples.shape[1] or not len(samples):
        raise ValueError(f"x must be (N, D) and samples (M, D), got {describe(x)} and {describe(samples)}")
