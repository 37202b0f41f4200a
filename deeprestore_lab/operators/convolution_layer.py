"""The convolution of a network as a forward operator: channels, stride and border. Taught in 16_linear_inverse."""

import torch
from torch.nn.functional import conv2d, conv_transpose2d, pad

from deeprestore_lab.core.checks import check_choice, check_pair, describe
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.operators.base import LinearOperator


def check_kernels(kernels: torch.Tensor) -> torch.Tensor:
    """Return `kernels` if they are a finite float tensor `(C', C, kh, kw)`, else raise `ValueError`."""
    fits = isinstance(kernels, torch.Tensor) and kernels.ndim == 4 and kernels.is_floating_point()
    if not fits or kernels.numel() == 0 or not torch.isfinite(kernels).all():
        raise ValueError(f"kernels must be a finite float tensor (C', C, kh, kw), got {describe(kernels)}")
    return kernels.detach()


def same_padding(kernels: torch.Tensor, padding: tuple[int, int] | int | None) -> tuple[int, int]:
    """`padding` as a pair; None is that of a layer that keeps the size, ((kh - 1) // 2, (kw - 1) // 2).

    Raises `ValueError` for what is no padding.
    """
    if padding is None:
        return tuple((side - 1) // 2 for side in kernels.shape[-2:])
    return check_pair(padding, name="padding", least=0)


class ConvolutionLayer(LinearOperator):
    r"""A x [o, q] = sum_{c, u} kernels[o, c, u] x[c, s q + u - p], as networks have it, without a bias.

    `kernels` `(C', C, kh, kw)`, x `(N, C, H, W)` of `size` (H, W); stride s and `padding` p in rows and columns, by
    default that of a layer that keeps the size. `border` "zero": outside of the image is 0, and A x has
    floor((H + 2p - kh) / s) + 1 rows. "circular": the image repeats, and A x has H / s rows, s a divisor of H.
    Raises `ValueError` for what does not fit. Taught in chapter 16_linear_inverse.

    >>> layer = ConvolutionLayer(torch.tensor([[[[1.0, -1.0]]]]), size=(1, 4), stride=(1, 2), border="circular")
    >>> layer(torch.tensor([[[[5.0, 3.0, 2.0, 9.0]]]])).tolist()
    [[[[2.0, -7.0]]]]
    """

    def __init__(
        self,
        kernels: torch.Tensor,
        *,
        size: tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | None = None,
        border: str = "zero",
    ) -> None:
        self.kernels, self.size = check_kernels(kernels), check_pair(size, name="size")
        self._constants = Constants(self.kernels)
        self.stride, self.padding = check_pair(stride, name="stride"), same_padding(kernels, padding)
        self.border = check_choice(border, ("zero", "circular"), name="border")
        sides = tuple(kernels.shape[-2:])
        if border == "circular":
            if any(n % s or k > n or p >= k for n, s, k, p in self._sides()):
                raise ValueError(
                    f"a circular border needs sides that the stride divides and that the kernel fits into, and a "
                    f"padding less than it: got size {self.size}, stride {self.stride}, kernels {sides}, "
                    f"padding {self.padding}"
                )
            self.out_size = tuple(n // s for n, s, _, _ in self._sides())
        else:
            self.out_size = tuple((n + 2 * p - k) // s + 1 for n, s, k, p in self._sides())
            if min(self.out_size) < 1:
                raise ValueError(f"kernels of {sides} do not fit images of {self.size} with padding {self.padding}")

    def _sides(self) -> list[tuple[int, int, int, int]]:
        return list(zip(self.size, self.stride, self.kernels.shape[-2:], self.padding, strict=True))

    @property
    def in_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return (self.kernels.shape[1], *self.size)

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """(C', H', W')."""
        return (self.kernels.shape[0], *self.out_size)

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        if tuple(x.shape[1:]) != self.in_shape:
            raise ValueError(f"the layer takes images of {self.in_shape}, got {describe(x)}")
        (kernels,) = self._constants.like(x)
        if self.border == "zero":
            return conv2d(x, kernels, stride=self.stride, padding=self.padding)
        (_, _, kh, p), (_, _, kw, q) = self._sides()
        x = pad(x, (q, kw - 1 - q, p, kh - 1 - p), mode="circular")
        return conv2d(x, kernels, stride=self.stride)

    def adjoint(self, y: torch.Tensor) -> torch.Tensor:
        if tuple(y.shape[1:]) != self.out_shape:
            raise ValueError(f"the layer gives maps of {self.out_shape}, got {describe(y)}")
        (kernels,) = self._constants.like(y)
        return transposed(y, kernels, size=self.size, stride=self.stride, padding=self.padding, border=self.border)


def transposed(
    y: torch.Tensor,
    kernels: torch.Tensor,
    *,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    border: str,
) -> torch.Tensor:
    r"""The transposed convolution x [c, i] = sum_{o, q} kernels[o, c, i - s q + p] y[o, q] on images of `size`.

    `kernels` `(C', C, kh, kw)`, y `(N, C', h, w)`. What falls outside of the image is lost with the border "zero" and
    comes in at the other side with "circular". Any p will do: it says how far before s q the kernel begins.

    >>> kernels, one = torch.tensor([[[[1.0, 2.0, 3.0]]]]), {"size": (1, 4), "stride": (1, 2)}
    >>> transposed(torch.tensor([[[[1.0, 0.0]]]]), kernels, padding=(0, 1), border="circular", **one).tolist()
    [[[[2.0, 3.0, 0.0, 1.0]]]]
    """
    spread = conv_transpose2d(y, kernels.to(y), stride=stride)  # begins p before the image
    for axis, n, p in zip((-2, -1), size, padding, strict=True):
        if border == "circular":
            places = (torch.arange(spread.shape[axis], device=y.device) - p) % n
            shape = [*spread.shape]
            shape[axis] = n
            spread = spread.new_zeros(shape).index_add(axis, places, spread)
        else:
            ends = (-p, n + p - spread.shape[axis])  # zeros to put before and behind; below 0 what to cut off
            spread = pad(spread, ends if axis == -1 else (0, 0, *ends))
    return spread
