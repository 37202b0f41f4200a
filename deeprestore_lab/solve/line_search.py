"""A line search for a whole batch: each image has a step of its own, and one evaluation serves a trial of all."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch

from deeprestore_lab.core.checks import per_image

DECREASE = 1e-4  # c1: the share of the decrease promised by the slope that must be kept
CURVATURE = 0.9  # c2: the share of the slope at the start that may be left
TRIALS = 25
GROWTH = 4.0


@dataclass
class Trial:
    """A point on the line of each image: what was tried, and what was found there."""

    t: torch.Tensor  # (N,), the step
    energy: torch.Tensor  # (N,)
    slope: torch.Tensor  # (N,), derivative of the energy along the line
    promised: torch.Tensor  # (N,), change of the energy to first order
    theta: torch.Tensor  # (N, D)
    gradient: torch.Tensor  # (N, D)
    shares: dict[str, torch.Tensor]  # name -> (N,)


def strong_wolfe(
    evaluate: Callable[[torch.Tensor], Trial],
    start: Trial,
    t: torch.Tensor,
    active: torch.Tensor,
    *,
    curvature: bool = True,
) -> tuple[Trial, torch.Tensor]:
    """Find for each active image a step with enough decrease, and with `curvature` a slope that is flat enough.

    Conditions: energy <= start + c1 * promised change, and |slope| <= c2 |slope at the start|. A step within the
    rounding of the energy counts as a decrease while the slope has not turned steeply upwards (the approximate
    condition of Hager & Zhang 2005, equation 27). Bracketing and cubic interpolation as in Nocedal & Wright (2006),
    algorithms 3.5 and 3.6, in one loop. Returns the point of each image and whether it lowered the energy.
    """
    best, searching = start, active.clone()
    steep = start.slope.abs()
    rounding = 8 * torch.finfo(t.dtype).eps * start.energy.abs()
    far_t = torch.full_like(t, torch.inf)  # the far end of the bracket
    far_energy, far_slope = far_t, torch.zeros_like(t)
    t = torch.where(active, t, 0.0)
    for _ in range(TRIALS):
        trial = evaluate(t)
        finite = torch.isfinite(trial.energy) & torch.isfinite(trial.slope)
        decreased = trial.energy <= start.energy + DECREASE * trial.promised.clamp_max(0)
        close = (trial.energy <= start.energy + rounding) & (trial.slope <= (1 - 2 * DECREASE) * steep)
        lower = finite & (decreased | close) & ((trial.energy <= best.energy) | (best.t == 0) | close)
        accepted = searching & lower & ((trial.slope.abs() <= CURVATURE * steep) if curvature else lower)
        turned = lower & (trial.slope * (far_t - best.t) >= 0)
        going = searching & ~accepted
        beyond, back = going & ~lower, going & turned
        far_t = torch.where(beyond, t, torch.where(back, best.t, far_t))
        far_energy = torch.where(beyond, trial.energy, torch.where(back, best.energy, far_energy))
        far_slope = torch.where(beyond, trial.slope, torch.where(back, best.slope, far_slope))
        best = _merge(searching & lower, trial, best)
        searching = going
        if not bool(searching.any()):
            break
        inside = _between(best, far_t, far_energy, far_slope)
        t = torch.where(searching, torch.where(torch.isfinite(far_t), inside, GROWTH * t), t)
    return best, best.t > 0


def _between(near: Trial, far_t: torch.Tensor, far_energy: torch.Tensor, far_slope: torch.Tensor) -> torch.Tensor:
    """The minimum of the cubic through both ends of the bracket, at least a tenth of its width inside."""
    width = far_t - near.t
    a = near.slope + far_slope - 3 * (far_energy - near.energy) / width
    root = (a.square() - near.slope * far_slope).clamp_min(0).sqrt() * width.sign()
    share = 1 - (far_slope + root - a) / (far_slope - near.slope + 2 * root)
    share = torch.where(torch.isfinite(share), share, 0.5).clamp(0.1, 0.9)
    return near.t + share * width


def _merge(mask: torch.Tensor, new: Trial, old: Trial) -> Trial:
    if bool(mask.all()):
        return new
    values = {}
    for field in fields(Trial):
        a, b = getattr(new, field.name), getattr(old, field.name)
        if field.name == "shares":
            values["shares"] = {name: torch.where(mask, a[name], b[name]) for name in a}
        else:
            values[field.name] = torch.where(per_image(mask, a).bool(), a, b)
    return Trial(**values)
