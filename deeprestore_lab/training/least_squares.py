"""Learning a filter by least squares: a loss whose curvature is known, and many descents on it at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch

from deeprestore_lab.core.checks import check_seed, check_whole, describe
from deeprestore_lab.training.batch_gradients import share_of_variance


@dataclass(frozen=True)
class LeastSquares:
    r"""f(theta) = 1/(2n) sum_i (a_i . theta - b_i)^2, the mean over n examples.

    `inputs` has the a_i as rows, `(n, P)`: the windows that a filter sees; `targets` the b_i, `(n,)`. The Hessian is
    H = 1/n sum_i a_i a_i^T everywhere. Raises `ValueError` for shapes that do not fit. Taught in chapter
    05_learning_filters.

    >>> problem = LeastSquares(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 3.0]))
    >>> problem.hessian.item(), problem.minimiser.item(), problem.loss(torch.tensor([0.0])).item()
    (5.0, 1.0, 2.5)
    """

    inputs: torch.Tensor
    targets: torch.Tensor

    def __post_init__(self) -> None:
        both = isinstance(self.inputs, torch.Tensor) and isinstance(self.targets, torch.Tensor)
        fit = both and self.inputs.ndim == 2 and self.targets.shape == self.inputs.shape[:1]
        if not fit or not self.inputs.is_floating_point():
            raise ValueError(
                "inputs must be a float tensor (n, P) and targets (n,), got "
                f"{describe(self.inputs)} and {describe(self.targets)}"
            )

    @cached_property
    def hessian(self) -> torch.Tensor:
        """H, `(P, P)`."""
        return self.inputs.mT @ self.inputs / len(self.inputs)

    @cached_property
    def minimiser(self) -> torch.Tensor:
        """The shortest theta with the smallest loss, `(P,)`."""
        return torch.linalg.lstsq(self.inputs, self.targets[:, None], driver="gelsd").solution[:, 0]

    def loss(self, theta: torch.Tensor) -> torch.Tensor:
        """f for each row of `theta`, `(..., P) -> (...)`."""
        return (theta @ self.inputs.mT - self.targets).square().mean(-1) / 2

    def excess(self, theta: torch.Tensor) -> torch.Tensor:
        """f(theta) less its minimum, exactly: e^T H e / 2 with e = theta - minimiser, `(..., P) -> (...)`."""
        error = theta - self.minimiser
        return ((error @ self.hessian) * error).sum(-1) / 2

    def example_gradients(self, theta: torch.Tensor) -> torch.Tensor:
        """The gradient of each example's loss at one `theta` `(P,)`, as rows `(n, P)`."""
        return self.inputs * (self.inputs @ theta - self.targets)[:, None]


def descend(
    problem: LeastSquares,
    start: torch.Tensor,
    *,
    lr: float | torch.Tensor | Callable[[int], float],
    steps: int,
    batch_size: int | None = None,
    replace: bool = True,
    seed: int = 0,
) -> torch.Tensor:
    """The paths of gradient descent, `(steps + 1, runs, P)`, from each row of `start`, `(runs, P)`.

    Every run has batches of its own in each step, or all examples (`batch_size` None). `lr` is a number, a tensor with
    one for each run, `(runs,)`, or a function of the step. A run that diverges overflows to values that are not finite.
    Raises `ValueError` for settings that do not fit. Taught in chapter 05_learning_filters.
    """
    if not isinstance(start, torch.Tensor) or start.ndim != 2 or start.shape[1] != problem.inputs.shape[1]:
        raise ValueError(f"start must be (runs, {problem.inputs.shape[1]}), got {describe(start)}")
    if isinstance(lr, torch.Tensor) and lr.shape not in ((), start.shape[:1]):
        raise ValueError(f"lr must be one number or one for each of {len(start)} runs, got {describe(lr)}")
    check_whole(steps, name="steps", least=0)
    if batch_size is not None:
        share_of_variance(problem.inputs, batch_size, replace=replace)  # refuses a size that does not fit
    draw = torch.Generator().manual_seed(check_seed(seed))
    count, slope = len(problem.inputs), problem.inputs.mT @ problem.targets / len(problem.inputs)
    path = [start]
    for step in range(steps):
        theta = path[-1]
        if batch_size is None:
            gradient = theta @ problem.hessian - slope
        else:
            if replace:
                chosen = torch.randint(count, (len(theta), batch_size), generator=draw)
            else:
                chosen = torch.rand(len(theta), count, generator=draw).topk(batch_size, dim=1).indices
            seen = problem.inputs[chosen]  # (runs, B, P)
            residual = (seen @ theta[:, :, None])[..., 0] - problem.targets[chosen]
            gradient = (residual[:, None] @ seen)[:, 0] / batch_size
        rate = lr(step) if callable(lr) else lr
        path.append(theta - (rate[:, None] if isinstance(rate, torch.Tensor) and rate.ndim else rate) * gradient)
    return torch.stack(path)
