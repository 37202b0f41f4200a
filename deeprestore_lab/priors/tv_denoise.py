"""Total variation denoising, argmin over x of 1/2 ||x - v||^2 + weight TV(x), to a stated duality gap."""

from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_choice, check_images, check_positive, check_weight, check_whole, describe
from deeprestore_lab.priors.tv_primal_dual import PrimalDual

KINDS = ("isotropic", "anisotropic")
COLOURS = ("joint", "channel")

CHECK_EVERY = 10  # iterations between two looks at the gap
SMALLEST_GAP = 100  # in units of the precision's eps: rounding hides anything smaller
CHUNK = 2**16  # values that a core works on at a time: the seven buffers, 1.8 MB, stay in its cache


@dataclass(frozen=True)
class ProxInfo:
    """How the proximal step went, for each image."""

    iterations: torch.Tensor  # (N,)
    gap: torch.Tensor  # (N,), the duality gap over the primal value, both at the last look
    primal: torch.Tensor  # (N,), 1/2 ||x - v||^2 + weight TV(x) at the last look
    converged: torch.Tensor  # (N,) bool, whether that is as small as asked for
    dual: torch.Tensor  # (N, 2, C, H, W), at most 1 in the norm of a pixel: a warm start for another weight too


@torch.no_grad()
def tv_denoise(
    v: torch.Tensor,
    weight: float | torch.Tensor,
    *,
    kind: str = "isotropic",
    colour: str = "joint",
    gap: float | torch.Tensor = 1e-4,
    steps: int = 2000,
    bounds: tuple[float, float] | None = None,
    dual: torch.Tensor | None = None,
) -> tuple[torch.Tensor, ProxInfo]:
    r"""argmin over x, within `bounds` where given, of 1/2 ||x - v||^2 + weight TV(x), and how it was reached.

    Shapes: v `(N, C, H, W)`, `weight` and `gap` a float or `(N,)`, `dual` (a warm start, from `ProxInfo`)
    `(N, 2, C, H, W)`.
    Each image stops by itself once primal value - dual value <= gap * primal value (looked at every ten iterations),
    or after `steps`. A gap below 100 eps is taken as that: 1.2e-5 in float32. Images of weight 0 come back as they are,
    cut off at the bounds.
    Raises `ValueError` for arguments that do not fit.

    >>> x, info = tv_denoise(torch.tensor([[[[0.0, 1.0]]]]), 0.1)  # both sides move by the weight
    >>> [round(value, 2) for value in x.flatten().tolist()], bool(info.converged)
    ([0.1, 0.9], True)
    """
    check_images(v, name="v")
    check_choice(kind, KINDS, name="kind")
    check_choice(colour, COLOURS, name="colour")
    steps = check_whole(steps, name="steps", least=1)
    gap, weight = check_positive(gap, name="gap"), check_weight(weight)
    if bounds is not None and not bounds[0] < bounds[1]:
        raise ValueError(f"bounds must be None or two numbers (low, high) in order, got {bounds!r}")
    wanted = (v.shape[0], 2, *v.shape[1:])
    if dual is not None and dual.shape != wanted:
        raise ValueError(f"dual must have shape {wanted}, got {describe(dual)}")
    return denoise(v, weight, kind=kind, colour=colour, gap=gap, steps=steps, bounds=bounds, dual=dual)


def denoise(
    v: torch.Tensor,
    weight: float | torch.Tensor,
    *,
    kind: str,
    colour: str,
    gap: float | torch.Tensor,
    steps: int,
    bounds: tuple[float, float] | None,
    dual: torch.Tensor | None,
) -> tuple[torch.Tensor, ProxInfo]:
    """The same for arguments that were checked, without gradients: what a step of a solver costs."""
    gap = _for_each(gap, v).clamp_min(SMALLEST_GAP * torch.finfo(v.dtype).eps)
    weight = _for_each(weight, v).reshape(-1, 1, 1, 1)
    wanted = (v.shape[0], 2, *v.shape[1:])
    x = v.clone() if bounds is None else v.clamp(*bounds)  # all there is to do where the weight is 0
    u = v.new_zeros(wanted) if dual is None else dual.to(v, copy=True)
    iterations = torch.zeros(v.shape[0], dtype=torch.long, device=v.device)
    gaps, primals = v.new_zeros(v.shape[0]), v.new_zeros(v.shape[0])
    todo = (weight.flatten() > 0).nonzero().flatten()
    at_once = max(1, torch.get_num_threads() * CHUNK // v[0].numel()) if v.device.type == "cpu" else v.shape[0]
    for images in todo.split(at_once):
        run = PrimalDual(v[images], weight[images], u[images], bounds, kind=kind, colour=colour)
        for k in range(0 if dual is not None else CHECK_EVERY, steps + CHECK_EVERY, CHECK_EVERY):
            run.advance(min(k, steps))
            last = k >= steps
            reached, primal = run.relative_gap()
            done = ~(reached > gap[images]) | last
            if not bool(done.any()):
                continue
            found = images[done]
            scaled = run.x[done] * weight[found]
            x[found] = scaled if bounds is None else scaled.clamp(*bounds)  # rounding may lead out
            u[found, 0], u[found, 1] = run.down[done], run.right[done]
            iterations[found], gaps[found] = run.count, reached[done]
            primals[found] = primal[done] * weight[found].flatten() ** 2
            if bool(done.all()):
                break
            images = images[~done]
            run.keep(~done)
    return x, ProxInfo(iterations, gaps, primals, gaps <= gap, u)


def _for_each(value: float | torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """One value per image, `(N,)`."""
    if isinstance(value, torch.Tensor) and value.shape == v.shape[:1]:
        return value.to(v)
    value = torch.as_tensor(value, dtype=v.dtype, device=v.device).reshape(-1)
    if value.shape[0] not in (1, v.shape[0]):
        raise ValueError(f"expected one number, or one per image: got {describe(value)} for {v.shape[0]} images")
    return value.expand(v.shape[0])
