"""Procedural pictures, each a formula of the pixel's place: nothing to download, every edge and frequency known.

Row r and column c count from 0; u = (2c + 1)/W - 1 and v = (2r + 1)/H - 1 run over (-1, 1), pixel centres inside.
"""

import math

import torch

from deeprestore_lab.core.checks import check_choice, check_whole
from deeprestore_lab.images.painted_patterns import PAINTED, painted
from deeprestore_lab.images.transforms import Size, height_and_width

Grid = torch.Tensor


def pattern(name: str, *, size: Size = 128, seed: int = 0) -> torch.Tensor:
    """A procedural picture in [0, 1], float32: grey `(1, 1, H, W)` by a formula, or painted `(1, 3, H, W)`.

    Formulas: "checkerboard", "zone_plate", "star", "step_edge", "ramp", "stripes", "dots", "disks", "cartoon"; the
    functions of this module state them, and `seed` changes nothing. Painted: "strokes", "mosaic" and "swirls", in
    vivid colours, made for this project as styles to transfer (chapter 08_style) and CC0; another seed paints another
    picture of the kind, another size the same one at another resolution. Raises `ValueError` for another name, size
    or seed.

    >>> pattern("step_edge", size=4)[0, 0, 0]
    tensor([0.2500, 0.2500, 0.7500, 0.7500])
    >>> pattern("mosaic", size=64, seed=1).shape
    torch.Size([1, 3, 64, 64])
    """
    check_choice(name, (*PATTERNS, *PAINTED), name="name")
    height, width = height_and_width(size)
    check_whole(seed, name="seed", least=0)
    if name in PAINTED:
        return painted(name, height, width, seed)
    draw = _PATTERNS[name]
    v = (2 * torch.arange(height, dtype=torch.float64) + 1) / height - 1
    u = (2 * torch.arange(width, dtype=torch.float64) + 1) / width - 1
    rows, columns = torch.meshgrid(v, u, indexing="ij")
    return draw(columns, rows).expand(height, width).to(torch.float32).reshape(1, 1, height, width).clone()


def checkerboard(u: Grid, v: Grid) -> Grid:
    """8 x 8 squares: (floor(4u) + floor(4v)) mod 2."""
    return ((4 * u).floor() + (4 * v).floor()) % 2


def zone_plate(u: Grid, v: Grid) -> Grid:
    """1/2 + 1/2 cos(pi rho^2 / n), rho the distance from the centre in pixels, n the shorter side.

    The local frequency rho / n reaches the highest one a grid holds, half a cycle per pixel, at the nearer border.
    """
    height, width = u.shape
    rho2 = (u * width / 2).square() + (v * height / 2).square()
    return 0.5 + 0.5 * torch.cos(math.pi * rho2 / min(height, width))


def star(u: Grid, v: Grid) -> Grid:
    """16 white and 16 black sectors: 1 where cos(16 * angle) > 0. The finer, the nearer to the centre."""
    return torch.cos(16 * torch.atan2(v, u)).gt(0)


def step_edge(u: Grid, v: Grid) -> Grid:
    """1/4 where u < 0, else 3/4: one vertical edge."""
    return 0.25 + 0.5 * (u >= 0)


def ramp(u: Grid, v: Grid) -> Grid:
    """(1 + u) / 2: dark at the left, bright at the right, no edge."""
    return (1 + u) / 2


def stripes(u: Grid, v: Grid) -> Grid:
    """1/2 + 1/2 sin(8 pi u): eight periods of one frequency from left to right."""
    return 0.5 + 0.5 * torch.sin(8 * math.pi * u)


def dots(u: Grid, v: Grid) -> Grid:
    """8 x 8 cells, each with a white disk of a quarter of the cell's width as radius."""
    return ((4 * u) % 1 - 0.5).square() + ((4 * v) % 1 - 0.5).square() < 1 / 16


def disks(u: Grid, v: Grid) -> Grid:
    """On 1/2, in the k-th of 4 rows and the j-th of 4 columns a disk of radius 0.22 / 2^k and contrast 0.48 / 2^j.

    k and j count from 0: smaller downwards, fainter to the right. Radii in units of u and v.
    """
    picture = torch.full_like(u, 0.5)
    for k in range(4):
        for j in range(4):
            inside = (u - (j / 2 - 0.75)).square() + (v - (k / 2 - 0.75)).square() < (0.22 / 2**k) ** 2
            picture = torch.where(inside, 0.5 + 0.48 / 2**j, picture)
    return picture


def cartoon(u: Grid, v: Grid) -> Grid:
    """Flat regions, the later over the earlier: sky 0.85, sun 1 (disk), hill 0.4 (below a parabola), house 0.65
    (rectangle), roof 0.2 (triangle), door 0.1 (rectangle). What total variation takes pictures to be.
    """
    picture = torch.full_like(u, 0.85)
    for region, value in (
        ((u - 0.55).square() + (v + 0.55).square() < 0.22**2, 1.0),
        (v > 0.35 + 0.4 * (u - 0.2).square(), 0.4),
        ((u + 0.3).abs().lt(0.35) & v.gt(-0.1) & v.lt(0.65), 0.65),
        ((u + 0.3).abs().lt(0.45 * (v + 0.6) / 0.5) & v.le(-0.1), 0.2),
        ((u + 0.3).abs().lt(0.1) & v.gt(0.25) & v.lt(0.65), 0.1),
    ):
        picture = torch.where(region, value, picture)
    return picture


_PATTERNS = {
    draw.__name__: draw for draw in (checkerboard, zone_plate, star, step_edge, ramp, stripes, dots, disks, cartoon)
}
PATTERNS = tuple(_PATTERNS)
