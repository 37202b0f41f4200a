"""A 3 x 3 convolution of a map twice as large than it need be: interpolation and kernel merged, at the smaller size."""

from functools import lru_cache

import torch
from torch.nn import functional

from deeprestore_lab.networks.fast.interpolation import interpolation
from deeprestore_lab.networks.fast.winograd import winograd

# Values 2i and 2i + 1 of the convolved map, from values i - 1, i, i + 1 of the small one (rows) and the kernel.
SMOOTH = (((0.75, 0.25, 0), (0.25, 0.75, 0.75), (0, 0, 0.25)), ((0.25, 0, 0), (0.75, 0.75, 0.25), (0, 0.25, 0.75)))
# The same, where the small map holds the values 2i, or 2i + 1, of a full one.
EVEN = (((0, 0, 0), (0, 1, 0), (0, 0, 0)), ((0, 0, 0), (1, 0, 0), (0, 0, 1)))
ODD = (((1, 0, 0), (0, 0, 1), (0, 0, 0)), ((0, 0, 0), (0, 1, 0), (0, 0, 0)))


def upsampled_convolution(
    full: torch.Tensor | None, small: torch.Tensor, w: torch.Tensor, b: torch.Tensor
) -> torch.Tensor:
    r"""The convolution of [full, up(small)], up bilinear by two, borders reflected; its result in four phases.

    full `(1, F, 2h, 2w)`, small `(1, S, h, w)`, w `(O, F + S, 3, 3)`, b `(O,)` to `(1, 4 O, h, w)`: the four values
    of each 2 x 2 block as channels, as `pixel_unshuffle` orders them. up(small) is never made: the value of the
    result at each place of a 2 x 2 block is a 3 x 3 convolution of `small`, with a kernel of its own. That is as many
    products over a quarter of the input; `full` joins as four maps of half the size.

    In the outermost ring of the result reflection and this extension differ, and that difference is added.
    Source: the sub-pixel convolution of Shi et al. (2016), run backwards.
    """
    split = 0 if full is None else full.shape[1]
    kernels, maps = [_phases(w[:, split:], (SMOOTH,))], [small]
    if full is not None:
        kernels.insert(0, _phases(w[:, :split], (EVEN, ODD)))
        maps.insert(0, functional.pixel_unshuffle(full, 2))
    x = functional.pad(torch.cat(maps, 1), (1, 1, 1, 1), mode="replicate")
    y = winograd(x, torch.cat(kernels, 1), b.repeat_interleave(4))
    return _Ring.apply(y, *_differences(small[0], w[:, split:]))


def _phases(w: torch.Tensor, kinds: tuple) -> torch.Tensor:
    """Kernels on the small maps: `(O, I, 3, 3)` to `(4 O, I * len(kinds)^2, 3, 3)`."""
    to = _to_phases(kinds, dtype=w.dtype, device=w.device)
    (out, channels), places = w.shape[:2], len(kinds) ** 2
    found = (w.reshape(-1, 9) @ to).view(out, channels, places, 4, 9)
    return found.permute(0, 3, 1, 2, 4).reshape(4 * out, channels * places, 3, 3)


@lru_cache(maxsize=16)
def _to_phases(kinds: tuple, *, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """`(9, len(kinds)^2 * 4 * 9)`: what each value of a kernel gives to those on the small maps, for each phase."""
    with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
        each = torch.tensor(kinds, dtype=torch.float64)  # (kinds, 2, 3, 3)
        both = torch.einsum("kptu,lqvw->uwklpqtv", each, each)
        return both.reshape(9, -1).to(device, dtype)


def _differences(x: torch.Tensor, w: torch.Tensor) -> list[torch.Tensor]:
    """What reflected borders add to the first and the last row `(2, O, w, 2)` and column `(2, O, h, 2)`.

    Beyond the first value of an interpolated line the kernels above see x_0; reflected it is x_0 + (x_1 - x_0) / 4.
    """
    found = []
    for lines, kernel, reflected in ((x, w, True), (x.mT, w.mT, False)):
        steps = torch.stack([lines[:, 1] - lines[:, 0], lines[:, -2] - lines[:, -1]]) / 4  # (2, I, n)
        n = steps.shape[-1]
        steps = steps @ _extended(n, reflected, dtype=x.dtype, device=x.device).T
        ends = [functional.conv1d(step[None], kernel[:, :, i])[0] for step, i in zip(steps, (0, 2), strict=True)]
        found.append(torch.stack(ends).view(2, -1, n, 2))
    return found


@lru_cache(maxsize=32)
def _extended(n: int, reflected: bool, *, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """`(2n + 2, n)`: interpolates n values by two and adds one at each end, reflected or as the kernels see it."""
    with torch.inference_mode(False):  # a cached tensor must stay usable where gradients are taken
        inner, ends = interpolation(n, 2 * n, dtype=dtype, device=device), torch.eye(n, dtype=dtype, device=device)
        first, last = (inner[1], inner[-2]) if reflected else (ends[0], ends[-1])
        return torch.cat([first[None], inner, last[None]])


class _Ring(torch.autograd.Function):
    """Adds rows and columns to the border of a map in phases, in place."""

    @staticmethod
    def forward(ctx, y: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        ctx.mark_dirty(y)
        for part, more in zip(_border(y), (*rows, *columns), strict=True):
            part += more
        return y

    @staticmethod
    def backward(ctx, g: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        top, bottom, left, right = _border(g)
        return g, torch.stack([top, bottom]), torch.stack([left, right])


def _border(y: torch.Tensor) -> list[torch.Tensor]:
    """First and last row `(O, w, 2)`, first and last column `(O, h, 2)`, as views."""
    blocks = y.view(-1, 2, 2, *y.shape[-2:])  # (O, down, across, h, w)
    rows = [blocks[:, 0, :, 0].mT, blocks[:, 1, :, -1].mT]
    return rows + [blocks[:, :, 0, :, 0].mT, blocks[:, :, 1, :, -1].mT]
