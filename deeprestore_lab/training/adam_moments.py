"""Adam's moments of one tensor, for loops that write their gradients out and need no optimiser of torch's.

torch's own imports its compiler at the first use, which takes seconds; and a loop that keeps rows on a sphere, or
weights above zero, has its own way to move. Taught in chapter 14_learned_filters.
"""

import torch


class AdamMoments:
    r"""m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, theta <- theta - lr m^ / (sqrt(v^) + small).

    m^ = m / (1 - b1^t) and v^ = v / (1 - b2^t) are without their bias towards the start. `like` says shape and type.
    Source: Kingma & Ba (2015), algorithm 1.

    >>> theta = torch.tensor([1.0, -2.0])
    >>> AdamMoments(theta).move_(theta, 2 * theta, lr=0.1)
    >>> theta  # the first step has the length lr, whatever the slope
    tensor([ 0.9000, -1.9000])
    """

    def __init__(self, like: torch.Tensor, *, betas: tuple[float, float] = (0.9, 0.999), small: float = 1e-8) -> None:
        self.betas, self.small, self.count = betas, small, 0
        self.first, self.second = torch.zeros_like(like), torch.zeros_like(like)

    @torch.no_grad()
    def move_(self, theta: torch.Tensor, slope: torch.Tensor, *, lr: float) -> None:
        """Move `theta` in place against the gradient `slope`."""
        (b1, b2), self.count = self.betas, self.count + 1
        self.first.lerp_(slope, 1 - b1)
        self.second.mul_(b2).addcmul_(slope, slope, value=1 - b2)
        scale = (self.second / (1 - b2**self.count)).sqrt_().add_(self.small)
        theta.addcdiv_(self.first, scale, value=-lr / (1 - b1**self.count))
