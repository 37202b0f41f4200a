"""Total variation denoising: argmin of 1/2 ||x - v||^2 + weight * TV(x), solved in its dual, image by image.

With K the forward differences, the solution is x = v - K* q for the q of norm at most `weight` at each pixel that
makes 1/2 ||x||^2 smallest: an accelerated projected gradient with a restart for each image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from deeprestore_lab.checks import check_choice, check_images, check_positive, check_weight, per_image

KINDS = ("isotropic", "anisotropic")
COLOURS = ("joint", "channel")


@dataclass
class ProxInfo:
    """How a proximal step went, for each image: iterations, the relative duality gap reached, and the dual variable."""

    iterations: torch.Tensor  # (N,)
    gap: torch.Tensor  # (N,)
    dual: torch.Tensor  # (N, 2, C, H, W)


def _adjoint(q: torch.Tensor) -> torch.Tensor:
    down, right = q[:, 0], q[:, 1]
    out = -(down + right)
    out[:, :, 1:] += down[:, :, :-1]
    out[:, :, :, 1:] += right[:, :, :, :-1]
    return out


def _differences(x: torch.Tensor) -> torch.Tensor:
    d = torch.zeros_like(x).unsqueeze(1).repeat(1, 2, 1, 1, 1)
    d[:, 0, :, :-1] = x[:, :, 1:] - x[:, :, :-1]
    d[:, 1, :, :, :-1] = x[:, :, :, 1:] - x[:, :, :, :-1]
    return d


def _norms(q: torch.Tensor, kind: str, colour: str) -> torch.Tensor:
    joined = (*((1,) if kind == "isotropic" else ()), *((2,) if colour == "joint" else ()))
    return torch.linalg.vector_norm(q, dim=joined, keepdim=True) if joined else q.abs()


@torch.no_grad()
def tv_denoise(
    v: torch.Tensor,
    weight: float | torch.Tensor,
    *,
    kind: str = "isotropic",
    colour: str = "joint",
    gap: float = 1e-4,
    steps: int = 2000,
    bounds: tuple[float, float] | None = None,
    dual: torch.Tensor | None = None,
) -> tuple[torch.Tensor, ProxInfo]:
    """argmin over x of 1/2 ||x - v||^2 + weight * TV(x), and how it was reached."""
    check_images(v, name="v")
    check_choice(kind, KINDS, name="kind")
    check_choice(colour, COLOURS, name="colour")
    check_positive(gap, name="gap")
    weight = per_image(check_weight(weight), v[:, None])
    weight = torch.as_tensor(weight).to(v).reshape(-1, 1, 1, 1, 1).expand(v.shape[0], 1, 1, 1, 1)
    q = torch.zeros_like(v).unsqueeze(1).repeat(1, 2, 1, 1, 1) if dual is None else dual.clone()
    limit = weight
    r, t = q.clone(), 1.0
    live = weight.flatten() > 0
    iterations = torch.zeros(v.shape[0], dtype=torch.long, device=v.device)
    reached = v.new_zeros(v.shape[0])
    for k in range(steps):
        x = v - _adjoint(r)
        if bounds is not None:
            x = x.clamp(*bounds)
        new = r + _differences(x) / 8
        new = new / (_norms(new, kind, colour) / limit.clamp_min(1e-30)).clamp_min(1)
        t_new = (1 + (1 + 4 * t * t) ** 0.5) / 2
        backwards = ((r - new) * (new - q)).flatten(1).sum(1) > 0
        momentum = torch.where(backwards, 0.0, (t - 1) / t_new).to(v).reshape(-1, 1, 1, 1, 1)
        r = torch.where(live.reshape(-1, 1, 1, 1, 1), new + momentum * (new - q), r)
        q = torch.where(live.reshape(-1, 1, 1, 1, 1), new, q)
        t = t_new
        iterations += live
        if k % 10 == 9:
            x = v - _adjoint(q)
            if bounds is not None:
                x = x.clamp(*bounds)
            d = _differences(x)
            tv = weight.flatten() * _norms(d, kind, colour).flatten(1).sum(1)
            primal = (x - v).square().flatten(1).sum(1) / 2 + tv
            reached = (tv - (d * q).flatten(1).sum(1)) / primal.clamp_min(1e-30)
            live = live & (reached > gap)
            if not live.any():
                break
    x = v - _adjoint(q)
    if bounds is not None:
        x = x.clamp(*bounds)
    return x, ProxInfo(iterations, reached, q)
