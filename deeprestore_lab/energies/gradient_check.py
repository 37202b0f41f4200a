"""Whether a gradient is that of the value: for an energy or a prior of one's own."""

import torch

from deeprestore_lab.core.checks import check_images, check_positive, check_seed, describe, per_image
from deeprestore_lab.core.dependence import check_depends, check_differentiable
from deeprestore_lab.energies.answers import Answers
from deeprestore_lab.energies.base import Energy


def check_gradient(energy: Energy, x: torch.Tensor, *, tolerance: float | None = None, seed: int = 0) -> None:
    r"""Raise `ValueError` unless the gradient at `x` is the slope of the energy there, each image by itself.

    The slope is the central difference (R(x + h d) - R(x - h d)) / (2 h) along d, the gradient's direction and a random
    one added up; what it is compared with is the gradient that autograd finds and, where the energy defines `score`,
    minus that. `x` is `(N, C, H, W)`, best random and in float64: kinks such as those of total variation must lie
    farther away than h, 6e-6 for each pixel (5e-3 in float32). The difference, less what rounding may leave of it,
    counts relative to the gradient's slope or the mean of those to both sides, whichever is larger, and may be up to
    `tolerance`, by default 1e-5, in float32 2e-2. Raises `ValueError` also for what is no energy or has no value, and
    where autograd does not see that it depends on x.

    >>> from deeprestore_lab.energies import LaplaceLikelihood
    >>> from deeprestore_lab.operators import Identity
    >>> x = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    >>> check_gradient(LaplaceLikelihood(Identity(), x + 0.1, scale=0.1), x)
    """
    if not isinstance(energy, Energy) or not energy.has_value:
        raise ValueError(f"energy must be an energy with a value, got {describe(energy)}")
    check_images(x)
    check_differentiable("a gradient")
    usual = 1e-5 if x.dtype == torch.float64 else 2e-2
    tolerance = usual if tolerance is None else check_positive(tolerance, name="tolerance", single=True)
    with torch.enable_grad():
        at = x.detach().clone().requires_grad_()
        values = energy(at)
        check_depends({energy.name: values}, [at], on="x")
        gradients = {"the gradient": torch.autograd.grad(values.sum(), at)[0]}
    if type(energy).score is not Answers.score and energy.has_score:
        gradients["minus the score"] = -energy.score(x)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(check_seed(seed)), dtype=x.dtype).to(x.device)
    step = torch.finfo(x.dtype).eps ** (1 / 3) * x[0].numel() ** 0.5  # so far for each pixel
    for name, gradient in gradients.items():
        direction = _unit(gradient) + _unit(noise)
        with torch.no_grad():
            after, before = energy(x + step * direction), energy(x - step * direction)
        slope, found = (after - before) / (2 * step), (gradient * direction).flatten(1).sum(1)
        rounding = 10 * torch.finfo(x.dtype).eps * torch.maximum(after.abs(), before.abs()) / step
        sides = ((after - values).abs() + (before - values).abs()).detach() / (2 * step)  # not 0 where the slope is
        larger = torch.maximum(sides, found.abs()).clamp_min(torch.finfo(x.dtype).tiny)
        relative = float((((slope - found).abs() - rounding).clamp_min(0) / larger).max())
        if not relative <= tolerance:
            raise ValueError(
                f"{name} of {energy.name} and the slope of its value differ by {relative:.3g} of the larger, "
                f"and {tolerance:.3g} is allowed"
            )


def _unit(direction: torch.Tensor) -> torch.Tensor:
    """Of length 1 for each image; 0 where it is 0."""
    length = torch.linalg.vector_norm(direction.flatten(1), dim=1)
    return direction / per_image(length.clamp_min(torch.finfo(direction.dtype).tiny), direction)
