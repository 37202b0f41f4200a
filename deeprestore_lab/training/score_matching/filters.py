"""Learning filters by score matching: Adam on rows of fixed norm, and the best weights again every few steps.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_lr, check_positive, check_seed, check_whole
from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.priors.experts import expert as expert_of
from deeprestore_lab.training.adam_moments import AdamMoments
from deeprestore_lab.training.schedules import cosine
from deeprestore_lab.training.score_matching.explicit import quadratic_in_weights
from deeprestore_lab.training.score_matching.gradient import loss_and_gradient
from deeprestore_lab.training.score_matching.hyvarinen import check_vectors
from deeprestore_lab.training.score_matching.nonnegative import NonNegative, nonnegative_weights

SEEN = 4000  # samples that the weights are fitted on while filters still move
BETAS = (0.7, 0.999)  # of Adam; a short memory of slopes needed the fewest steps here


@dataclass(frozen=True)
class LearntFilters:
    """Filters `(K, D)` as rows, all of one norm, their weights `(K,)`, and the conditions that the weights satisfy."""

    filters: torch.Tensor
    weights: torch.Tensor
    conditions: NonNegative


def random_rows(count: int, dims: int, *, norm: float = 1.0, seed: int = 0) -> torch.Tensor:
    """`count` rows of the norm, uniform on the sphere, `(count, dims)`, float32.

    Raises `ValueError` for counts below 1 and a norm not above 0.
    """
    count, dims = check_whole(count, name="count", least=1), check_whole(dims, name="dims", least=1)
    norm = check_positive(norm, name="norm", single=True)
    draw = torch.randn(count, dims, generator=torch.Generator().manual_seed(check_seed(seed)))
    return norm * torch.nn.functional.normalize(draw, dim=1)


def best_weights(filters: torch.Tensor, x: torch.Tensor, *, expert: str | Expert = "student") -> NonNegative:
    """The weights of at least zero that minimise `explicit_loss` for these filters, with the conditions."""
    return nonnegative_weights(*quadratic_in_weights(filters, x, expert=expert))


def learn_filters(
    x: torch.Tensor,
    count: int,
    *,
    expert: str | Expert = "student",
    norm: float = 1.0,
    steps: int = 600,
    batch: int = 500,
    lr: float | Callable[[int], float] = 0.05,
    every: int = 50,
    seed: int = 0,
    callback: Callable[[int, torch.Tensor, torch.Tensor], None] | None = None,
) -> LearntFilters:
    r"""min J(W, a) over rows |w_k| = `norm` and weights a >= 0: a product of `count` experts for samples `x` `(N, D)`.

    A step is one of Adam along the sphere: the part of the gradient that would change a norm is left out, and rows are
    put back to their norm. Batches go through the samples in an order that is drawn anew each time round, which was
    worth a third of the steps against independent draws. Every `every` steps the weights become those that are best for
    the filters, by non-negative least squares on some of the samples; at the end on all of them. `norm` is the scale at
    which the expert is seen: for whitened samples a response has standard deviation `norm`. With `lr` a float the rate
    falls to zero along a cosine. `callback(step, filters, weights)` sees each step, and what it gets changes in later
    ones.

    Without the norm J has no minimum on finitely many samples: a filter that is orthogonal to one of them has
    phi'' = 1 there at any length, and its share of J falls like |w|^2. Raises `ValueError` for wrong numbers. Taught
    in chapter 14_learned_filters.

    >>> x = torch.randn(200, 3).sign() * torch.rand(200, 3)
    >>> learnt = learn_filters(x, 4, steps=5, batch=50)
    >>> learnt.filters.shape, bool(torch.allclose(learnt.filters.norm(dim=1), torch.ones(4)))
    (torch.Size([4, 3]), True)
    """
    check_vectors(x), check_whole(steps, name="steps", least=1), check_whole(every, name="every", least=1)
    batch = min(check_whole(batch, name="batch", least=1), len(x))
    norm, one = check_positive(norm, name="norm", single=True), expert_of(expert)
    rate = check_lr(lr) if callable(lr) else cosine(check_lr(lr), steps)
    start = random_rows(check_whole(count, name="count", least=1), x.shape[1], seed=seed).to(x)
    filters = norm * torch.nn.functional.normalize(start, dim=1)
    batches, shown = _Rounds(x, seed), _Rounds(x, seed)
    weights = best_weights(filters, shown.next(SEEN), expert=one).weights
    moments = AdamMoments(filters, betas=BETAS)
    for step in range(1, steps + 1):
        _, slope = loss_and_gradient(filters, weights, batches.next(batch), one)
        slope.sub_((slope * filters).sum(1, keepdim=True) / norm**2 * filters)
        moments.move_(filters, slope, lr=norm * rate(step - 1))
        filters.mul_(norm / filters.norm(dim=1, keepdim=True))
        if step % every == 0 and step < steps:
            weights = best_weights(filters, shown.next(SEEN), expert=one).weights
        if callback is not None:
            callback(step, filters, weights)
    found = best_weights(filters, x, expert=one)
    return LearntFilters(filters, found.weights, found)


class _Rounds:
    """Batches of the rows of `x` in an order drawn anew for each round; what is left of a round is passed over."""

    def __init__(self, x: torch.Tensor, seed: int) -> None:
        self.x, self.draw, self.place = x, torch.Generator().manual_seed(seed), len(x)

    def next(self, count: int) -> torch.Tensor:
        if count >= len(self.x):
            return self.x
        if self.place + count > len(self.x):
            self.x = self.x[torch.randperm(len(self.x), generator=self.draw).to(self.x.device)]
            self.place = 0
        self.place += count
        return self.x[self.place - count : self.place]
