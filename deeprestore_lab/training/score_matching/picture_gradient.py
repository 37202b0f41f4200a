"""Score matching of pictures and its gradient, written out: products of matrices, and one expression for three
derivatives.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

import torch
from torch.nn.functional import fold, pad, unfold

from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.training.score_matching.gradient import three_derivatives

Three = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@torch.no_grad()
def picture_loss_and_gradient(
    x: torch.Tensor, filters: torch.Tensor, weights: torch.Tensor, *, expert: Expert, margin: int
) -> Three:
    r"""The sum over pictures of `picture_score_matching`, and its gradients in the filters and in the weights.

    With G the gradient of R inside the margin and zero outside, s = w_k x the responses, h = w_k G those of G, and n_kp
    the sum of squares of the filter at p over the pixels inside,

        dJ/ds_kp = weight_k (h_kp phi''(s_kp) - n_kp phi'''(s_kp)),   dJ/dweight_k = sum_p h_kp phi'(s_kp) - n_kp phi''

    and dJ/dw_k collects the patches of x by the first, those of G by weight_k phi', and -2 weight_k w_k phi'' for n.
    Half the time of autograd's way through `picture_score_matching`. x `(N, 1, H, W)`, filters `(K, h, w)`, weights
    `(K,)`; nothing is checked here: it is what a loop calls.
    """
    (count, high, wide), (h, w) = filters.shape, x.shape[2:]
    bank, kernel = filters.flatten(1), (high, wide)

    def columns(x: torch.Tensor) -> torch.Tensor:
        return unfold(x, kernel).transpose(0, 1).flatten(1)  # (h w, N places)

    seen = columns(x)
    slopes, bends, thirds = three_derivatives(bank @ seen, expert)  # (K, N places)
    frame = pad(x.new_ones(1, 1, h - 2 * margin, w - 2 * margin), (margin,) * 4)
    inside = columns(frame)  # (h w, places)
    norms = (bank.square() @ inside).repeat(1, len(x))
    back = ((weights[:, None] * bank).T @ slopes).view(high * wide, len(x), -1).transpose(0, 1)
    gradient = fold(back, (h, w), kernel) * frame
    around = columns(gradient)
    answers = bank @ around
    loss = gradient.square().sum() / 2 - weights @ (norms * bends).sum(1)
    by_weight = (answers * slopes - norms * bends).sum(1)
    by_response = answers.mul_(bends).sub_(thirds.mul_(norms))
    shares = bends.view(count, len(x), -1).sum(1) @ inside.T  # phi'' of the places that see a pixel inside
    by_filter = by_response @ seen.T + slopes @ around.T - 2 * bank * shares
    return loss, (weights[:, None] * by_filter).view_as(filters), by_weight
