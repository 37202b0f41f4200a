"""Conjugate gradients for a batch of linear equations, each stopped by itself."""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_positive, per_image
from deeprestore_lab.solve.norms import dot, norm


@torch.no_grad()
def conjugate_gradients(
    apply: Callable[[torch.Tensor], torch.Tensor],
    b: torch.Tensor,
    *,
    x: torch.Tensor | None = None,
    tolerance: float | torch.Tensor = 1e-6,
    steps: int = 1000,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    r"""The x of H x = b for each entry of the batch, with the steps taken and the relative residual.

    `apply` gives H x, H symmetric without negative eigenvalues, of each entry by itself. An entry stops once
    ||b - H x|| <= tolerance ||b||, as the recursion sees it, or after `steps`. From a warm start `x` the residual is
    known up to rounding, about eps ||H|| ||x||, and an entry stops there too. From zero (the default) an equation whose
    H is singular, with b in its range, gives the solution of smallest norm.
    Shapes: b and x `(N, ...)`; steps and residual `(N,)`. Source: Hestenes & Stiefel (1952).

    Raises `ValueError` for a tolerance that is not above 0.

    >>> x, taken, _ = conjugate_gradients(lambda x: 4 * x, torch.ones(1, 3))
    >>> x.tolist(), taken.tolist()
    ([[0.25, 0.25, 0.25]], [1])
    """
    goal = torch.as_tensor(check_positive(tolerance, name="tolerance")).to(b) * norm(b)
    x = torch.zeros_like(b) if x is None else x.clone()
    residual = b - apply(x)
    squared = dot(residual, residual)
    start = norm(x)
    direction = residual
    taken = torch.zeros(b.shape[0], dtype=torch.long, device=b.device)
    going = squared.sqrt() > goal
    for count in range(steps):
        if not bool(going.any()):
            break
        image = apply(direction)
        curvature = dot(direction, image)
        if count == 0:  # ||H r|| / ||r|| stands for ||H||: what rounding leaves of r has all frequencies
            rounding = torch.finfo(b.dtype).eps * norm(image) * start
            goal = torch.maximum(goal, rounding / torch.where(going, squared, 1.0).sqrt())
            going &= squared.sqrt() > goal
        going &= curvature > 0  # zero where nothing of the residual can be explained
        length = torch.where(going, squared / torch.where(going, curvature, 1.0), 0.0)
        x = x + per_image(length, x) * direction
        residual = residual - per_image(length, x) * image
        new = dot(residual, residual)
        turn = torch.where(going, new / torch.where(going, squared, 1.0), 0.0)
        direction = residual + per_image(turn, x) * direction
        taken += going
        squared = new
        going &= squared.sqrt() > goal
    scale = norm(b)
    return x, taken, torch.where(scale > 0, squared.sqrt() / scale.clamp_min(torch.finfo(b.dtype).tiny), squared.sqrt())
