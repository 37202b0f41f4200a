"""What a sampler is: a number of steps, and what each makes of the pictures."""

from collections.abc import Callable
from typing import ClassVar

import torch

Noise = Callable[[torch.Tensor], torch.Tensor]  # white noise in the shape of what it is given


class Sampler:
    """The base of every sampler.

    `step(k, x, noise)` gives the pictures after step k, 0 <= k < `steps`, of the pictures `x` `(N, C, H, W)`;
    `noise(x)` is fresh white noise in the shape of x, and is asked for in no other way. `cost(k)` counts the
    evaluations of the mean or the score that the step takes for one picture, and `level(k)` is the noise that is
    left after it (0: none). A new sampler is one file with a subclass and a line in `sampling/__init__.py`.
    """

    name: ClassVar[str]
    steps: int

    def step(self, k: int, x: torch.Tensor, noise: Noise) -> torch.Tensor:
        """The pictures after step `k`."""
        raise NotImplementedError(f"{type(self).__name__} does not define step")

    def cost(self, k: int) -> int:
        """Evaluations that step `k` takes for one picture."""
        return 1

    def level(self, k: int) -> float:
        """The level of the noise that is left after step `k`."""
        return 0.0

    @property
    def evaluations(self) -> int:
        """Evaluations of a whole run for one picture."""
        return sum(self.cost(k) for k in range(self.steps))
