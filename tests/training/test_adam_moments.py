"""Adam's moments beside torch's own optimiser."""

import torch

from deeprestore_lab.training.adam_moments import AdamMoments


def test_the_steps_are_those_of_torch():
    target = torch.linspace(-2, 3, 7, dtype=torch.float64)
    theta, theirs = torch.zeros_like(target), torch.zeros_like(target).requires_grad_()
    moments = AdamMoments(theta, betas=(0.8, 0.95))
    optimiser = torch.optim.Adam([theirs], lr=0.1, betas=(0.8, 0.95))
    for step in range(20):
        rate = 0.1 / (1 + step)
        moments.move_(theta, (theta - target) ** 3, lr=rate)
        optimiser.param_groups[0]["lr"], theirs.grad = rate, ((theirs - target) ** 3).detach()
        optimiser.step()
    torch.testing.assert_close(theta, theirs.detach(), rtol=1e-9, atol=1e-9)
