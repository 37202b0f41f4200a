"""Learning a field of experts on feature maps by denoising. Taught in chapter 19_feature_map_priors."""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_images, check_lr, check_positive, check_seed, check_whole, describe
from deeprestore_lab.core.dependence import check_differentiable
from deeprestore_lab.priors.experts import Expert
from deeprestore_lab.priors.experts import expert as expert_of
from deeprestore_lab.priors.map_field import MapField, field_slope, grouped
from deeprestore_lab.training.adam_moments import AdamMoments
from deeprestore_lab.training.schedules import cosine

BETAS = (0.9, 0.99)  # of Adam, as for a field of pictures


def map_denoising_loss(field: MapField, z: torch.Tensor, *, sigma: float, seed: int = 0) -> float:
    r"""1/2 mean (sigma grad R(z + n) - n / sigma)^2 of held-out maps, n normal of deviation `sigma`: a value's share.

    1/2 is the loss of R = 0, which knows nothing; the least there is that of R = -log p(z + n), by Tweedie's identity.
    Positions that fewer filters see than those inside do not count. `z` `(N, C, H, W)` standardised, `sigma` in its
    units. Raises `ValueError` for maps without an inside. Taught in chapter 19_feature_map_priors.

    >>> z = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> knows_nothing = MapField(torch.ones(1, 2, 3, 3), torch.zeros(1))
    >>> round(map_denoising_loss(knows_nothing, z, sigma=0.5), 1)
    0.5
    """
    sigma = check_positive(sigma, name="sigma", single=True)
    draw = torch.Generator().manual_seed(check_seed(seed))
    if not isinstance(field, MapField):
        raise ValueError(f"field must be a `MapField`, got {describe(field)}")
    noise = sigma * torch.randn(check_images(z, name="z").shape, generator=draw).to(z)
    _check_inside(z, field.filters.shape[2:])
    with torch.no_grad():
        return float(_loss(z, noise, field.filters.to(z), field.weights.to(z), sigma=sigma, expert=field.expert))


def fit_map_field(
    z: torch.Tensor,
    *,
    count: int,
    size: int = 3,
    groups: int = 1,
    sigma: float = 0.3,
    expert: str | Expert = "student",
    steps: int = 300,
    batch: int = 8,
    lr: float = 0.02,
    seed: int = 0,
) -> MapField:
    r"""`count` filters over all channels of patches of `size` x `size`, by denoising score matching (Adam).

    Maps `z` `(N, C, H, W)`, standardised, get noise of level `sigma` anew at every step: R becomes minus the log
    density of noisy maps, which is smooth where that of maps is not (half of the values behind a ReLU are zero). With
    `groups` each filter sees its group of neighbouring channels alone; then R takes the groups as independent. Computed
    in float32 on the CPU. Raises `ValueError` for settings that do not fit. Source: Vincent (2011). Taught in chapter
    19_feature_map_priors.
    """
    check_images(z, name="z")
    count, size, steps, batch = (
        check_whole(n, name=name, least=1)
        for n, name in ((count, "count"), (size, "size"), (steps, "steps"), (batch, "batch"))
    )
    _check_inside(z, (size, size))
    check_differentiable("learning a field")
    if not bool(torch.isfinite(z).all()):
        raise ValueError("z must be finite, got values that are not")
    z = z.detach().float().cpu()
    sigma, law = check_positive(sigma, name="sigma", single=True), expert_of(expert)
    draw = torch.Generator().manual_seed(check_seed(seed))
    filters = torch.randn(count, z.shape[1], size, size, generator=draw)
    mask = grouped(torch.ones_like(filters), groups)
    filters = filters * mask * (groups / filters[0].numel()) ** 0.5
    logs = torch.full((count,), -3.0)
    rate = check_lr(lr) if callable(lr) else cosine(lr, steps)
    moments = [AdamMoments(own, betas=BETAS) for own in (filters, logs)]
    for step in range(steps):
        clean = z[torch.randint(len(z), (batch,), generator=draw)]
        noise = sigma * torch.randn(clean.shape, generator=draw)
        theta = filters.clone().requires_grad_(), logs.clone().requires_grad_()
        with torch.enable_grad():
            loss = _loss(clean, noise, theta[0] * mask, theta[1].exp(), sigma=sigma, expert=law)
            slopes = torch.autograd.grad(loss, theta)
        for own, moment, slope in zip((filters, logs), moments, slopes, strict=True):
            moment.move_(own, slope, lr=rate(step))
    return MapField(filters * mask, logs.exp(), expert=law)


def _check_inside(z: torch.Tensor, size: tuple[int, int]) -> None:
    """Raise `ValueError` unless there are positions that as many filters see as they can."""
    least = tuple(3 * side - 2 for side in size)
    if z.shape[2] < least[0] or z.shape[3] < least[1]:
        raise ValueError(f"maps must be at least {least[0]} x {least[1]} positions, got {describe(z)}")


def _loss(
    clean: torch.Tensor,
    noise: torch.Tensor,
    filters: torch.Tensor,
    weights: torch.Tensor,
    *,
    sigma: float,
    expert: Expert,
) -> torch.Tensor:
    down, across = (side - 1 for side in filters.shape[2:])
    slope = field_slope(clean + noise, filters, weights, expert=expert)
    error = (sigma * slope - noise / sigma)[..., down : -down or None, across : -across or None]
    return error.square().mean() / 2
