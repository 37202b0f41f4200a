"""The image as what a decoder makes of a code: a search over few numbers within a cube."""

from collections.abc import Callable

import torch
from torch import nn

from deeprestore_lab.core.checks import check_precision, describe
from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.pixels import check_bounds

Decode = Callable[[torch.Tensor], torch.Tensor]


class Latent(Parametrisation):
    r"""x = D(u): the search is over a code u for each image, started at `start`, and held in a cube.

    `decode` is D, a module or function from codes `(N, d)` to images `(N, C, H, W)` that treats each row by itself; its
    parameters stay as they are. `start` `(N, d)` is copied. `bounds` = (low, high) holds every coordinate in that range
    by projection, from the start on; None leaves it free. Nothing is paid within the cube, S = 0: the prior is
    the law of D(u) for u uniform in it. The codes found are `theta`. Every solver works on each code by itself; matrix
    products of a batch round differently from those of one row, and an image alone agrees with the same image in a
    batch up to that. Raises `ValueError` for a start that is no batch of finite codes, and for what `Pixels`
    refuses. Taught in chapter 12_latent_autoencoder.

    >>> g = Latent(lambda u: u[:, :, None, None], torch.tensor([[0.5, 2.0]]))
    >>> g().shape, g.theta.tolist()
    (torch.Size([1, 2, 1, 1]), [[0.5, 1.0]])
    """

    def __init__(self, decode: Decode, start: torch.Tensor, *, bounds: tuple[float, float] | None = (0, 1)) -> None:
        super().__init__()
        self.bounds = check_bounds(bounds)
        self._decode = (check_decode(decode),)  # in a tuple: its parameters are not searched over
        self.theta = nn.Parameter(check_codes(start, name="start").detach().clone())
        self.project_()

    def forward(self) -> torch.Tensor:
        return self._decode[0](self.theta)

    def constants(self) -> dict[str, torch.Tensor]:
        """The weights and buffers of D, where it is a module or a method of one."""
        return decoder_state(self._decode[0])


def check_decode(decode: Decode) -> Decode:
    """Return `decode` if it can be called, else raise `ValueError`."""
    if not callable(decode):
        raise ValueError(f"decode must map codes (N, d) to images (N, C, H, W), got {describe(decode)}")
    return decode


def check_codes(u: torch.Tensor, *, name: str) -> torch.Tensor:
    """Return `u` if it is a batch of codes `(N, d)` with finite values, else raise `ValueError`."""
    if not isinstance(u, torch.Tensor) or u.ndim != 2 or not u.is_floating_point() or u.numel() == 0:
        raise ValueError(f"{name} must be a float tensor of codes (N, d), got {describe(u)}")
    check_precision(u, name=name)
    if not torch.isfinite(u).all():
        raise ValueError(f"{name} holds values that are not finite; start from finite ones")
    return u


def decoder_state(decode: Decode) -> dict[str, torch.Tensor]:
    """The tensors that a decoder's images depend on, as far as it is a module or a method of one."""
    owner = getattr(decode, "__self__", decode)
    return {f"decoder {name}": w for name, w in owner.state_dict().items()} if isinstance(owner, nn.Module) else {}
