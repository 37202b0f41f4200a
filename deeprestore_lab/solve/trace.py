"""The record of one minimisation: every term at every step, snapshots, seconds, and why it stopped."""

from collections import Counter
from dataclasses import dataclass, field

import torch


@dataclass
class Trace:
    """What `minimise` returns.

    T is the number of recorded steps (step 0, the start, included), N the batch. Rows after an image has
    stopped repeat its last values. Where a denoiser has no value, `without_value` names it: `energy` is then the sum of
    the other terms and is not what was minimised; `residual` says how near the fixed point is.
    """

    x: torch.Tensor  # (N, C, H, W), the result
    solver: str
    terms: dict[str, torch.Tensor]  # name -> (T, N), weighted shares; they add up to `energy`
    energy: torch.Tensor  # (T, N)
    seconds: torch.Tensor  # (T,), since the start
    steps: torch.Tensor  # (N,), steps each image took
    stopped_by: list[str]  # per image: "tolerance", "steps", "line search", "callback" or "exact"
    snapshots: dict[int, torch.Tensor] = field(default_factory=dict)  # step -> (N, C, H, W), log-spaced
    psnr: torch.Tensor | None = None  # (T, N) in dB, where a reference was given
    average: torch.Tensor | None = None  # (N, C, H, W), the running average of the images, where one was asked for
    average_psnr: torch.Tensor | None = None  # (T, N) in dB, of the running average
    residual: torch.Tensor | None = None  # (T, N), of the fixed point, where a term has no value; infinite at the start
    without_value: list[str] = field(default_factory=list)  # names of the terms that `terms` and `energy` cannot show

    @property
    def converged(self) -> torch.Tensor:
        """Whether each image met the solver's stopping criterion, `(N,)` bool."""
        return torch.tensor([reason in ("tolerance", "exact") for reason in self.stopped_by])

    def __repr__(self) -> str:
        ends = ", ".join(f"{reason} {count}" for reason, count in Counter(self.stopped_by).items())
        fewest, most = int(self.steps.min()), int(self.steps.max())
        images = "1 image" if len(self.stopped_by) == 1 else f"{len(self.stopped_by)} images"
        steps = f"{fewest} to {most} steps" if fewest < most else "1 step" if most == 1 else f"{most} steps"
        names = ", ".join(self.without_value)
        rest = (
            f", no value of {names}, residual {float(self.residual[-1].max()):.2g}" if self.residual is not None else ""
        )
        return f"Trace({self.solver}: {images}, {steps}, stopped by: {ends}, {float(self.seconds[-1]):.2f} s{rest})"
