"""The 3 x 3 convolution of wide layers by Winograd's minimal filtering: a quarter of the multiplications."""

from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional

from deeprestore_lab.core.machine import has_avx512, is_recording

TILE = 4  # values of the result on a side of a tile; it is made from TILE + 2 of the input
# Channels and pixels below which the direct convolution is as fast, with AVX512 and without: measured on one thread.
# With AVX2 alone the direct one does half as many products at once, but the products are not all that the other does:
# from 64 to 64 maps it takes 1.2 times as long, from 144 to 512 (the paper's merged layer) 0.6 to 0.75 times.
LEAST = {True: (48, 32 * 32), False: (144, 64 * 64)}
RECORDED = (64, 64 * 64)  # on a GPU, where the step is played from a recording: else its many kernels wait for Python


class _Winograd(torch.autograd.Function):
    """y = A (U V) + b for every tile, with U = G w and V = B x; the gradients stay in the same domain."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        out, channels = w.shape[:2]
        down, across = ((n - 2) // TILE for n in x.shape[-2:])
        to_tile, of_kernel, of_tile = transforms(dtype=x.dtype, device=x.device)
        tiles = x[0].unfold(1, 6, TILE).unfold(2, 6, TILE).permute(3, 4, 0, 1, 2).reshape(36, -1)
        v = (to_tile @ tiles).view(36, channels, -1)
        u = (of_kernel @ w.reshape(-1, 9).T).view(36, out, channels)
        products = torch.bmm(u, v)  # (36, out, tiles)
        y = (of_tile @ products.view(36, -1)).view(TILE, TILE, out, down, across).permute(2, 3, 0, 4, 1)
        ctx.save_for_backward(u, v)
        ctx.shape = x.shape
        joined = y.new_empty(1, out, TILE * down, TILE * across)
        torch.add(y, b.view(-1, 1, 1, 1, 1), out=joined.view(y.shape))
        return joined

    @staticmethod
    def backward(ctx, g: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        # u and v are constants to torch here: second derivatives would lack their share. `once_differentiable` would
        # not do: `torch.autograd.grad` for given inputs passes its error by where another way leads to them.
        if torch.is_grad_enabled():
            raise RuntimeError("winograd has first derivatives alone; take them without create_graph=True")
        u, v = ctx.saved_tensors
        (_, out, channels), (down, across) = u.shape, ((n - 2) // TILE for n in ctx.shape[-2:])
        to_tile, of_kernel, of_tile = transforms(dtype=g.dtype, device=g.device)
        tiles = g.reshape(out, down, TILE, across, TILE).permute(2, 4, 0, 1, 3).reshape(16, -1)
        products = (of_tile.T @ tiles).view(36, out, -1)
        on_u, on_v = torch.bmm(products, v.mT), torch.bmm(u.mT, products)
        on_w = (of_kernel.T @ on_u.view(36, -1)).T.reshape(out, channels, 3, 3)
        tiles = (to_tile.T @ on_v.view(36, -1)).view(6, 6, channels, down, across).permute(2, 3, 0, 4, 1)
        on_x = g.new_zeros(channels, down + 1, TILE, across + 1, TILE)
        on_x[:, :-1, :, :-1] = tiles[:, :, :4, :, :4]  # tiles overlap by two rows and two columns
        on_x[:, 1:, :2, :-1] += tiles[:, :, 4:, :, :4]
        on_x[:, :-1, :, 1:, :2] += tiles[:, :, :4, :, 4:]
        on_x[:, 1:, :2, 1:, :2] += tiles[:, :, 4:, :, 4:]
        height, width = ctx.shape[-2:]
        on_x = on_x.view(1, channels, TILE * (down + 1), TILE * (across + 1))[..., :height, :width]
        return on_x, on_w, g.sum((0, 2, 3))


def winograd(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    r"""`conv2d(x, w, b)` for one image: x `(1, I, H + 2, W + 2)`, w `(O, I, 3, 3)`, b `(O,)` to `(1, O, H, W)`.

    Tiles of 4 x 4 values come from 6 x 6 of the input: A^T [(G w G^T) * (B^T x B)] A, the products taken channel by
    channel and summed over them, 36 for 16 values instead of 144. Exact up to rounding, about 3e-6 of the result in
    float32. Where 4 does not divide the sides, the input is continued with zeros and the result cut. A gradient of its
    gradient is refused: `create_graph=True` raises `RuntimeError`.

    Source: Lavin & Gray (2016), "Fast algorithms for convolutional neural networks", F(4 x 4, 3 x 3).

    >>> winograd(torch.ones(1, 2, 6, 6), torch.ones(1, 2, 3, 3), torch.zeros(1))[0, 0, 0]
    tensor([18., 18., 18., 18.])
    """
    height, width = (n - 2 for n in x.shape[-2:])
    over = (-width % TILE, -height % TILE)
    if not any(over):
        return _Winograd.apply(x, w, b)
    return _Winograd.apply(functional.pad(x, (0, over[0], 0, over[1])), w, b)[..., :height, :width].contiguous()


@lru_cache(maxsize=8)
def transforms(*, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """B^T `(36, 36)`, G `(36, 9)` and A^T `(16, 36)` of flattened tiles and kernels (Kronecker squares)."""
    to_tile = [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0]]
    to_tile += [[0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]
    of_kernel = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]  # over 24
    of_tile = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    found = []
    with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
        for rows, over in ((to_tile, 1), (of_kernel, 24), (of_tile, 1)):
            one = torch.tensor(rows, dtype=torch.float64) / over
            found.append(torch.kron(one, one).to(device, dtype))
    return tuple(found)


def is_wide(x: torch.Tensor, *, channels: int, out: int) -> bool:
    """Whether Winograd's filtering pays from `channels` to `out` maps of the size of the image x `(1, I, H, W)`."""
    kind = x.device.type
    if x.shape[0] > 1 or x.dtype not in (torch.float32, torch.float64):
        return False
    if kind != "cpu" and not (kind == "cuda" and is_recording()) or torch.is_autocast_enabled(kind):
        return False
    least_channels, least_pixels = LEAST[has_avx512()] if kind == "cpu" else RECORDED
    return min(channels, out) >= least_channels and x.shape[-2] * x.shape[-1] >= least_pixels


class ReflectedConvolution(nn.Conv2d):
    """`(N, I, H, W)` to `(N, O, H / stride, W / stride)`, sides rounded up; kernels of 1 x 1 or 3 x 3."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, padding_mode="reflect")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        plain = self.kernel_size != (3, 3) or self.stride != (1, 1)
        if not plain and is_wide(x, channels=self.in_channels, out=self.out_channels):
            return winograd(functional.pad(x, (1, 1, 1, 1), mode="reflect"), self.weight, self.bias)
        return super().forward(x)
