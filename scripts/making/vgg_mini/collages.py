"""Crops to distil a network from: photographs moved, scaled, turned and recoloured, and collages of their textures.

A dozen photographs hold few scenes. Leaves that cover each other, each filled from another photograph, at another scale
and in another colour, have the edges, corners and textures of many more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn.functional import grid_sample

from deeprestore_lab import images
from deeprestore_lab.images.distortions import DISTORTIONS, distort

SHRUNK = (1.0, 0.7, 0.5, 0.35, 0.25)  # each photograph is there at these scales
OPEN_PATTERNS = ("checkerboard", "zone_plate", "star", "stripes", "dots", "disks", "cartoon", "ramp")


class Collages:
    """Draws crops `(count, 3, size, size)` in [0, 1] from photographs `(1, 3, H, W)`, all by one generator.

    A quarter are collages, one in 25 is a coloured pattern, one in 25 a mean of two crops; the others are plain crops.
    """

    def __init__(self, photographs: Sequence[torch.Tensor], *, size: int) -> None:
        self.size, self.pyramids = size, []
        for x in photographs:
            sides = [tuple(round(scale * n) for n in x.shape[2:]) for scale in SHRUNK]
            self.pyramids.append([images.resize(x, side) for side in sides if min(side) >= size // 2])
        areas = torch.tensor([float(x.shape[2] * x.shape[3]) for x in photographs])
        self.chances = areas.sqrt()

    def draw(self, count: int, *, seed: int) -> torch.Tensor:
        """`count` crops; the same for the same seed."""
        generator = torch.Generator().manual_seed(seed)
        return torch.cat([self._one(generator) for _ in range(count)]).clamp(0, 1)

    def _one(self, g: torch.Generator) -> torch.Tensor:
        kind = torch.rand((), generator=g)
        if kind < 0.25:
            return self._leaves(g)
        if kind < 0.29:
            return self._pattern(g)
        if kind < 0.33:
            return (self._crop(g) + self._crop(g)) / 2
        return self._crop(g)

    def _crop(self, g: torch.Generator) -> torch.Tensor:
        """A window of a photograph at a random scale, often turned, flipped and recoloured."""
        pyramid = self.pyramids[int(torch.multinomial(self.chances, 1, generator=g))]
        x = pyramid[int(torch.randint(len(pyramid), (), generator=g))]
        height, width = x.shape[2:]
        scale = math.exp(0.35 * float(torch.randn((), generator=g)))  # pixels of the photograph for a pixel of the crop
        scale = min(scale, 1.4, min(height, width) / self.size)
        turned = torch.rand((), generator=g) < 0.5
        angle = float(torch.randn((), generator=g)) * 0.4 if turned else 0.0
        if torch.rand((), generator=g) < 0.15:
            angle += math.pi / 2 * int(torch.randint(1, 4, (), generator=g))
        flip = -1.0 if torch.rand((), generator=g) < 0.5 else 1.0
        half = scale * self.size / 2
        row, column = (
            half + max(n - 2 * half, 0) * float(torch.rand((), generator=g)) for n in (height, width)
        )  # the centre
        steps = (torch.arange(self.size) + 0.5 - self.size / 2) * scale
        down, across = torch.meshgrid(steps, flip * steps, indexing="ij")
        rows = row + math.cos(angle) * down + math.sin(angle) * across
        columns = column - math.sin(angle) * down + math.cos(angle) * across
        grid = torch.stack([2 * columns / width - 1, 2 * rows / height - 1], -1)[None]
        mode = "nearest" if scale == 1 and not turned and torch.rand((), generator=g) < 0.5 else "bicubic"
        crop = grid_sample(x, grid, mode=mode, padding_mode="reflection", align_corners=False)
        return recoloured(crop.clamp(0, 1), g) if torch.rand((), generator=g) < 0.6 else crop

    def _leaves(self, g: torch.Generator) -> torch.Tensor:
        """Disks, rectangles and half-planes, the later over the earlier, each flat or filled from a photograph."""
        size = self.size
        canvas = self._crop(g)
        down, across = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
        for _ in range(int(torch.randint(3, 16, (), generator=g))):
            row, column, angle, shape, ratio, fill = torch.rand(6, generator=g).tolist()
            radius = size * 0.06 / (0.02 + 0.98 * float(torch.rand((), generator=g))) ** 0.6  # many small, few large
            turn = 2 * math.pi * angle
            u = math.cos(turn) * (across - column * size) + math.sin(turn) * (down - row * size)
            v = math.cos(turn) * (down - row * size) - math.sin(turn) * (across - column * size)
            ratio = 0.3 + 0.7 * ratio
            if shape < 0.5:
                distance = (u.square() + (v / ratio).square()).sqrt() - radius
            elif shape < 0.9:
                distance = torch.maximum(u.abs() - radius, v.abs() - ratio * radius)
            else:
                distance = u
            softness = 0.6 if torch.rand((), generator=g) < 0.8 else 3.0
            inside = (0.5 - distance / softness).clamp(0, 1)
            if fill < 0.4:
                leaf = torch.rand(1, 3, 1, 1, generator=g).expand(1, 3, size, size)
            else:
                leaf = self._crop(g)
            canvas = torch.lerp(canvas, leaf, inside)
        return canvas

    def _pattern(self, g: torch.Generator) -> torch.Tensor:
        name = OPEN_PATTERNS[int(torch.randint(len(OPEN_PATTERNS), (), generator=g))]
        side = self.size * int(torch.randint(1, 4, (), generator=g))
        x = images.crop(images.pattern(name, size=side), self.size)
        one, other = torch.rand(2, 1, 3, 1, 1, generator=g)
        return torch.lerp(one, other, x)


def recoloured(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """Another exposure, contrast, saturation and white: gamma, a line for each channel, and a share of grey."""
    gamma, contrast, saturation, shift = torch.randn(4, generator=g).tolist()
    gains = torch.exp(0.15 * torch.randn(1, 3, 1, 1, generator=g))
    x = x.clamp_min(1e-4) ** math.exp(0.3 * gamma)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * max(0.0, 1 + 0.5 * saturation)
    if torch.rand((), generator=g) < 0.15:
        x = x[:, torch.randperm(3, generator=g)]
    middle = x.mean((2, 3), keepdim=True)
    return ((x - middle) * math.exp(0.25 * contrast) + middle * gains + 0.06 * shift).clamp(0, 1)


def distorted(x: torch.Tensor, *, seed: int) -> torch.Tensor:
    """Each image with a kind of distortion at a level drawn for it, one in four with a second on top."""
    generator = torch.Generator().manual_seed(seed)
    return torch.cat([_distorted(image[None], generator) for image in x])


def _distorted(image: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    for _ in range(1 + int(torch.rand((), generator=g) < 0.25)):
        kind = list(DISTORTIONS)[int(torch.randint(len(DISTORTIONS), (), generator=g))]
        place = float(torch.rand((), generator=g)) * 4
        low, high = (DISTORTIONS[kind].levels[min(int(place) + step, 4)] for step in (0, 1))
        level = math.exp(math.log(low) + (place % 1) * (math.log(high) - math.log(low)))
        level = round(level) if kind in ("shift", "jpeg") else level
        image = distort(image, kind, level=level, seed=int(torch.randint(2**31, (), generator=g)))
    return image
