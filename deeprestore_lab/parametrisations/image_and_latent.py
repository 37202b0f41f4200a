"""An image and a code together: the image may leave what the decoder makes, at a price."""

import torch
from torch import nn

from deeprestore_lab.core.checks import check_positive, check_weight, per_image
from deeprestore_lab.energies import Weight
from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.latent import Decode, check_codes, check_decode, decoder_state
from deeprestore_lab.parametrisations.pixels import check_bounds, check_image_bounds, check_start
from deeprestore_lab.priors.autoencoder import smoothed_distance


class ImageAndLatent(Parametrisation):
    r"""theta = (x, u), g(theta) = x and S(theta) = ||x - D(u)|| / T: an image near some image of the decoder.

    Minimised over u, S is the distance of x from the decoder's range; `AutoEncoderPrior` takes D(E(x)) for the nearest
    point, which is an upper bound of it. As T falls to 0 the search becomes that of `Latent`, as T grows that of
    `Pixels`. The norm is Euclidean, over all values of an image; `temperature` T is in its units (of its square where
    `squared`, which gives S = ||x - D(u)||^2 / T), a float or `(N,)`. The kink is rounded off: r becomes
    sqrt(r^2 + s^2) - s, s = `smoothing` above 0.

    theta is flat, `(N, C H W + d)`, the image first; `codes` is its last part. x starts at `x0` `(N, C, H, W)` and is
    held in `bounds`, u starts at `u0` `(N, d)` and is held in `code_bounds`, both by projection; None leaves
    them free. Tensors are copied. Raises `ValueError` for settings out of range and shapes that do not fit.
    Taught in chapter 12_latent_autoencoder.

    >>> def decode(u):
    ...     return u[:, :, None, None].expand(-1, -1, 1, 4)
    >>> g = ImageAndLatent(decode, torch.ones(1, 1, 1, 4), torch.full((1, 1), 0.5), temperature=0.5, squared=True)
    >>> g.theta.shape, g.penalty().item()  # four values, each 1/2 off
    (torch.Size([1, 5]), 2.0)
    """

    def __init__(
        self,
        decode: Decode,
        x0: torch.Tensor,
        u0: torch.Tensor,
        *,
        temperature: Weight,
        squared: bool = False,
        smoothing: float = 1e-2,
        bounds: tuple[float, float] | None = (0, 1),
        code_bounds: tuple[float, float] | None = (0, 1),
    ) -> None:
        super().__init__()
        x0, u0 = check_start(x0).detach(), check_codes(u0, name="u0").detach()
        self.temperature, self.squared = check_positive(temperature, name="temperature"), bool(squared)
        check = check_weight if self.squared else check_positive
        self.smoothing = check(smoothing, name="smoothing", single=True)
        self._decode = (check_decode(decode),)  # in a tuple: its parameters are not searched over
        self._ranges = check_image_bounds(bounds), check_bounds(code_bounds)
        self.shape = x0.shape[1:]
        with torch.no_grad():
            decoded = decode(u0)
        if tuple(decoded.shape) != tuple(x0.shape):
            raise ValueError(
                f"x0 has shape {tuple(x0.shape)}, but the decoder makes {tuple(decoded.shape)} of codes of "
                f"shape {tuple(u0.shape)}"
            )
        per_image(self.temperature, x0)
        self.theta = nn.Parameter(torch.cat([x0.flatten(1), u0.to(x0)], dim=1))
        self.project_()

    @property
    def bounds(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """The lowest and highest value of each number in theta, two tensors `(C H W + d,)`; None where all are free."""
        if self._ranges == (None, None):
            return None
        sizes = self.theta.shape[1] - self.codes.shape[1], self.codes.shape[1]
        ends = [(-torch.inf, torch.inf) if own is None else own for own in self._ranges]
        parts = [self.theta.new_tensor(own).repeat(n, 1) for n, own in zip(sizes, ends, strict=True)]
        return torch.cat(parts).unbind(1)

    @property
    def codes(self) -> torch.Tensor:
        """u, the part of theta that the decoder sees, `(N, d)`."""
        return self.theta[:, self.shape.numel() :]

    def forward(self) -> torch.Tensor:
        return self.theta[:, : self.shape.numel()].unflatten(1, self.shape)

    def penalty(self) -> torch.Tensor:
        away = self.forward() - self._decode[0](self.codes)
        distance = smoothed_distance(away, squared=self.squared, smoothing=self.smoothing)
        return distance / per_image(self.temperature, distance)

    def constants(self) -> dict[str, torch.Tensor]:
        """The weights and buffers of D, and T."""
        return {**decoder_state(self._decode[0]), "temperature": torch.as_tensor(self.temperature)}
