"""The parametrisation g of x = g(theta): what is searched over, and its own penalty S(theta)."""

import torch
from torch import nn


class Parametrisation(nn.Module):
    """A module whose `forward()` gives the image batch and whose `penalty()` gives S(theta) per image.

    A parametrisation with one theta per image holds it in the single parameter `theta` of shape `(N, ...)`;
    solvers then work on each image by itself. One whose theta is shared by the batch sets `shared`.
    """

    shared = False  # one theta for the whole batch: per-image weights and solvers are refused
    linear = False  # g is linear in theta, with `adjoint` its transpose
    smooth_penalty = True
    default_solver: str | None = None  # what `minimise` picks; it then takes all its steps, whatever the energy does

    def forward(self) -> torch.Tensor:
        """The image batch g(theta), `(N, C, H, W)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def penalty(self) -> torch.Tensor:
        """S(theta), one value per image `(N,)`; zero unless a parametrisation says otherwise."""
        x = self.theta if isinstance(getattr(self, "theta", None), torch.Tensor) else self.forward()
        return x.new_zeros(x.shape[0])

    def constants(self) -> dict[str, torch.Tensor]:
        """Tensors outside the state that the images depend on: a checkpoint belongs to a run with the same ones."""
        return {}

    def penalty_prox(self, theta: torch.Tensor, step: float | torch.Tensor) -> torch.Tensor:
        """argmin of 1/2 ||t - theta||^2 + step * S(t), for penalties with a kink."""
        raise NotImplementedError(f"{type(self).__name__} has no proximal step for its penalty")

    def project_(self) -> None:
        """Put theta back into `bounds` = (low, high), numbers or tensors; nothing where there are none."""
        bounds = getattr(self, "bounds", None)
        if bounds is not None:
            self.theta.data = self.theta.data.clamp(*bounds)
