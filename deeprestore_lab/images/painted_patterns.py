"""Procedural pictures in colour that look painted: styles to transfer, made by the project and free to ship.

Places are measured in shorter sides of the picture, so that another size shows the same composition, finer or coarser.
"""

import math

import torch
from torch.nn.functional import grid_sample, interpolate

NIGHT = ("0b1440", "16307f", "2470b8", "79bccb", "f3e7b0", "f7b92a", "e0701c")
GLASS = ("b01f2e", "ef7a1a", "f8cf3f", "2f9150", "1c86b5", "28307c", "efe4c8")
MEADOW = ("16315f", "1f7f86", "7fb23a", "f4d23a", "ee7d22", "cf3040", "6d2a72")


def swirls(height: int, width: int, generator: torch.Generator) -> torch.Tensor:
    """Paint dragged along a flow with eddies: noise averaged along the stream lines, bright in the eddies' centres."""
    y, x = _places(height, width)
    wide, high = float(x.max()) + 1e-6, float(y.max()) + 1e-6
    flow = torch.stack([torch.full_like(x, 0.6), 0.3 * torch.sin(5 * x + 2)])
    glow = torch.zeros_like(x)
    for k in range(9):
        across, down, size, turn = torch.rand(4, generator=generator).tolist()
        dx, dy = x - (k % 3 + 0.15 + 0.7 * across) / 3 * wide, y - (k // 3 + 0.15 + 0.7 * down) / 3 * high
        radius = 0.05 + 0.08 * size
        rho2 = (dx.square() + dy.square()) / radius**2
        flow = flow + (1.8 if turn > 0.4 else -1.8) / radius * torch.exp(-rho2 / 2) * torch.stack([-dy, dx])
        glow = torch.maximum(glow, (0.5 + 0.5 * size) * torch.exp(-rho2 / 0.7))
    paint = _dragged(torch.cat([_noise(height, width, n, generator) for n in (128, 48)]), flow, length=0.12)
    tone = 0.25 + 0.5 * glow + 0.13 * paint[1] + 0.1 * _noise(height, width, 4, generator)[0]
    return (_coloured(tone, NIGHT) * (1 + 0.2 * paint[0])).clamp(0, 1)


def strokes(height: int, width: int, generator: torch.Generator) -> torch.Tensor:
    """Three coats of brush strokes, broad to fine, along a smooth field of directions; the bristles leave lines."""
    angle = 1.5 * _noise(height, width, 3, generator)[0]
    tone = 0.5 + 0.24 * _noise(height, width, 4, generator)[0]
    picture = _coloured(tone, MEADOW)
    for breadth, share in ((0.052, 1.0), (0.036, 0.4), (0.022, 0.15)):
        _coat(picture, angle, tone, breadth, share, generator)
    return picture


def mosaic(height: int, width: int, generator: torch.Generator) -> torch.Tensor:
    """Stones of glass in dark grout: the cells nearest to points of a jittered grid, coloured by larger regions."""
    y, x = _places(height, width)
    stones = _Cells(y, x, 1 / 20, generator)
    regions = _Cells(stones.y, stones.x, 1 / 3.5, generator)
    tone = (regions.value(generator) + (regions.near / 0.1).floor() * 0.29) % 1
    tone = torch.where(stones.value(generator) < 0.1, stones.value(generator), tone)
    light = 0.75 + 0.4 * stones.value(generator) + 0.3 * ((x - stones.x) - (y - stones.y)) * 20
    grout = ((stones.far - stones.near) * 20 / 0.16 - 0.5).clamp(0, 1)
    return (_coloured(tone.mul(7).floor() / 6, GLASS) * light * grout + 0.08 * (1 - grout)).clamp(0, 1)


def _coat(picture, angle, tone, breadth: float, share: float, generator: torch.Generator) -> None:
    """Paints a stroke for this share of the cells of a jittered grid, four times as long as broad, on the picture."""
    places = _places(*angle.shape)
    pixels = min(angle.shape)
    rows, columns = (math.ceil(n / pixels / breadth) + 2 for n in angle.shape)
    first, second, order, turn, shade = torch.rand(5, rows * columns, generator=generator)
    chosen = order.argsort()[: round(share * rows * columns)]
    y, x = (chosen // columns - 1 + first[chosen]) * breadth, (chosen % columns - 1 + second[chosen]) * breadth
    angle, tone = _at(torch.stack([angle, tone]), y, x)
    angle, bright = angle + 0.3 * turn[chosen], 0.8 + 0.4 * turn[chosen]
    colours = (_coloured(tone + 0.35 * (shade[chosen] - 0.5), MEADOW) * bright).T[:, :, None, None]
    reach, edge = 2.6 * breadth, breadth * pixels / 3
    for centre, cos, sin, colour in zip(torch.stack([y, x], 1), angle.cos(), angle.sin(), colours, strict=True):
        ends = [(int((n - reach) * pixels), int((n + reach) * pixels) + 2) for n in centre.tolist()]
        window = tuple(slice(max(0, first), max(0, last)) for first, last in ends)
        down, right = (places[:, *window] - centre[:, None, None]) / breadth
        along, across = cos * right + sin * down, cos * down - sin * right
        across = across + 0.06 * along.square()  # bent
        inside = ((1 - (along / 2.5) ** 4 - (across / 0.62) ** 4) * edge).clamp(0, 1)
        bristles = 1 + 0.1 * torch.cos(9 * across + 40 * cos) - 0.16 * across + 0.04 * along
        under = picture[:, *window]
        under += inside * ((colour * bristles).clamp(0, 1) - under)


class _Cells:
    """The cells of points jittered on a grid: distances to the nearest and second point, and the nearest's place."""

    def __init__(self, y: torch.Tensor, x: torch.Tensor, spacing: float, generator: torch.Generator) -> None:
        self.columns = math.ceil(float(x.max()) / spacing) + 7
        self.count = (math.ceil(float(y.max()) / spacing) + 7) * self.columns
        jitter = torch.rand(2, self.count, generator=generator)
        index = torch.arange(self.count)
        places = torch.stack([index // self.columns, index % self.columns]) - 3 + 0.1 + 0.8 * jitter
        own = (y / spacing + 3).floor().long() * self.columns + (x / spacing + 3).floor().long()
        ways = [dy * self.columns + dx for dy in range(-2, 3) for dx in range(-2, 3)]
        near = torch.stack([own + way for way in ways])
        distances = torch.hypot(y / spacing - places[0][near], x / spacing - places[1][near])
        two = distances.topk(2, dim=0, largest=False)
        self.nearest = near.gather(0, two.indices[:1])[0]
        self.near, self.far = two.values * spacing
        self.y, self.x = places[:, self.nearest] * spacing

    def value(self, generator: torch.Generator) -> torch.Tensor:
        """A number in [0, 1) for each cell, at its pixels."""
        return torch.rand(self.count, generator=generator)[self.nearest]


def _places(height: int, width: int) -> torch.Tensor:
    """Centres of pixels `(2, H, W)`, y then x, in shorter sides."""
    y, x = (torch.arange(height) + 0.5) / min(height, width), (torch.arange(width) + 0.5) / min(height, width)
    return torch.stack(torch.meshgrid(y, x, indexing="ij"))


def _noise(height: int, width: int, cells: int, generator: torch.Generator) -> torch.Tensor:
    """Smooth noise `(1, H, W)`, about standard normal: a normal value for each cell, interpolated."""
    shape = [math.ceil(cells * n / min(height, width)) + 2 for n in (height, width)]
    coarse = torch.randn(1, 1, *shape, generator=generator)
    return 1.4 * interpolate(coarse, (height, width), mode="bicubic", align_corners=False)[0]


def _at(maps: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Values of maps `(C, H, W)` at places, interpolated; beyond the border those on it."""
    height, width = maps.shape[1:]
    scale = min(height, width)
    grid = torch.stack([2 * x * scale / width - 1, 2 * y * scale / height - 1], dim=-1)
    grid = grid.reshape(1, 1, -1, 2)
    found = grid_sample(maps[None], grid, padding_mode="border", align_corners=False)
    return found[0].reshape(maps.shape[0], *y.shape)


def _dragged(paint: torch.Tensor, flow: torch.Tensor, *, length: float, steps: int = 24) -> torch.Tensor:
    """Means of the paint along stream lines of the flow, `length` to both sides, at unit deviation."""
    flow = flow / flow.norm(dim=0, keepdim=True).clamp(min=1e-6)
    total = torch.zeros_like(paint)
    for step in (length / steps, -length / steps):
        y, x = _places(*paint.shape[1:])
        for _ in range(steps):
            found = _at(torch.cat([paint, flow]), y, x)
            total = total + found[:-2]
            x, y = x + step * found[-2], y + step * found[-1]
    return (total - total.mean((1, 2), keepdim=True)) / total.std((1, 2), keepdim=True, correction=0).clamp(min=1e-6)


def _coloured(tone: torch.Tensor, palette: tuple[str, ...]) -> torch.Tensor:
    """Colours `(3, ...)` along the palette, tone 0 its first and 1 its last, in between interpolated."""
    colours = torch.tensor([list(bytes.fromhex(colour)) for colour in palette]) / 255
    place = tone.clamp(0, 1) * (len(palette) - 1)
    low = place.floor().clamp(max=len(palette) - 2).long()
    part = (place - low)[..., None]
    return ((1 - part) * colours[low] + part * colours[low + 1]).movedim(-1, 0)


_PAINTED = {draw.__name__: draw for draw in (strokes, mosaic, swirls)}
PAINTED = tuple(_PAINTED)


def painted(name: str, height: int, width: int, seed: int) -> torch.Tensor:
    """The picture `(1, 3, H, W)` in [0, 1], float32, of one of `PAINTED`, from the seed."""
    return _PAINTED[name](height, width, torch.Generator().manual_seed(seed))[None]
