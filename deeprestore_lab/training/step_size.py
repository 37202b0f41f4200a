"""The largest step that does not diverge: 2/L for full batches, by curvature; for small ones see `mean_square`."""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_positive, check_seed, check_whole, describe
from deeprestore_lab.core.dependence import check_depends, check_differentiable

SPREAD = 1e-4  # of ||H v|| over v . H v: above it v is a mixture of eigenvectors of both signs


def largest_curvature(
    loss: Callable[[torch.Tensor], torch.Tensor],
    theta: torch.Tensor,
    *,
    steps: int = 500,
    tolerance: float = 1e-7,
    seed: int = 0,
) -> float:
    r"""L, the largest eigenvalue of the Hessian of `loss` at `theta`, by power iteration: v <- H v / ||H v||.

    `loss` maps a tensor shaped like `theta` to one number, and must be differentiable twice. H v is the gradient of
    (gradient . v); H is never formed. The iteration ends when the estimate v . H v changes by less than `tolerance`,
    relatively. Where eigenvalues of the largest size are negative, some or all of them, it is repeated with H shifted
    up by that size, so the result is the largest one, not the largest in size. Raises `ValueError` where the loss is no
    single number or does not depend on theta as autograd sees it, and where `theta` is no float tensor. Source: LeCun,
    Simard & Pearlmutter (1993), "Automatic learning rate maximization by on-line estimation of the Hessian's
    eigenvectors". Taught in chapter 05_learning_filters.

    >>> round(largest_curvature(lambda theta: theta[0] ** 2 + 3 * theta[1] ** 2, torch.zeros(2)), 4)
    6.0
    """
    if not isinstance(theta, torch.Tensor) or not theta.is_floating_point():
        raise ValueError(f"theta must be a float tensor, got {describe(theta)}")
    if loss(theta).numel() != 1:
        raise ValueError(f"loss must give one number, got {describe(loss(theta))}")
    check_whole(steps, name="steps", least=1)
    draw = torch.Generator().manual_seed(check_seed(seed))
    check_differentiable("a curvature")
    at = theta.detach().requires_grad_()
    with torch.enable_grad():
        value = loss(at).squeeze()
        check_depends({"loss": value}, [at], on="theta")
        (gradient,) = torch.autograd.grad(value, at, create_graph=True)
    direction = torch.randn(theta.shape, generator=draw, dtype=torch.float64).to(theta)

    def product(v: torch.Tensor) -> torch.Tensor:
        (image,) = torch.autograd.grad(gradient, at, v, retain_graph=True)
        return image

    found, size = _power_iteration(product, direction, steps, tolerance)
    if size <= (1 + SPREAD) * found:
        return found
    return _power_iteration(lambda v: product(v) + size * v, direction, steps, tolerance)[0] - size


def full_batch_threshold(curvature: float) -> float:
    r"""2/L: gradient descent on a quadratic loss of largest curvature L converges for smaller steps, and no larger.

    Along an eigenvector with curvature h the error is multiplied by 1 - lr h in each step, whose size is below 1 for
    0 < lr < 2/h. Raises `ValueError` for a curvature that is not positive. Taught in chapter 05_learning_filters.

    >>> full_batch_threshold(4.0)
    0.5
    """
    return 2 / check_positive(curvature, name="the largest curvature", single=True)


def _power_iteration(product: Callable, direction: torch.Tensor, steps: int, tolerance: float) -> tuple[float, float]:
    """v . H v and ||H v|| of the last v: the same where v is an eigenvector of an eigenvalue above 0."""
    v, value = direction / direction.norm(), 0.0
    for _ in range(steps):
        image = product(v)
        before, value, size = value, float((v * image).sum()), float(image.norm())
        if size == 0 or abs(value - before) <= tolerance * abs(value):
            break
        v = image / size
    return value, size
