"""Activation maximisation as the library lucent does it by default, written out plainly: a baseline for chapter 20.

Frequencies with decay 1 and decorrelated colours with lucid's matrix, a sigmoid, Adam with 0.05, and in turn: a border
of 12 grey pixels, a jitter of 8, a scale of 0.9 to 1.1, a turn of up to 10 degrees, a jitter of 4. By default it makes
128 x 128 pixels in 512 steps, enlarged to 224 x 224 for the network. Here the picture is a batch with one class each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import affine_grid, grid_sample, interpolate, pad

from deeprestore_lab.backbones import Backbone

COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
ANGLES = [*range(-10, 11), *[0] * 5]


def recipe(
    network: Backbone,
    layer: str,
    classes: Sequence[int],
    *,
    size: int,
    steps: int,
    lr: float = 0.05,
    seen_at: int | None = None,
    seed: int = 0,
    callback: Callable[[int, torch.Tensor], object] | None = None,
) -> torch.Tensor:
    """Pictures `(N, 3, size, size)` for the classes; `seen_at` is the side that the network sees, None the padded.

    `callback(step, x)` sees the pictures after each step.
    """
    draw = torch.Generator().manual_seed(seed)
    theta = 0.01 * torch.randn(len(classes), 3, size, size // 2 + 1, 2, generator=draw)
    theta.requires_grad_()
    down, across = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)
    scale = 1 / (down**2 + across**2).sqrt().clamp_min(1 / size)
    colours = torch.tensor(COLOURS)
    colours = colours / colours.norm(dim=0).max()
    rows = torch.arange(len(classes))
    adam = torch.optim.Adam([theta], lr=lr)

    def picture() -> torch.Tensor:
        x = torch.fft.irfft2(scale * torch.view_as_complex(theta), s=(size, size), norm="ortho") / 4
        return torch.sigmoid(torch.einsum("cd,ndhw->nchw", colours, x))

    for step in range(steps):
        seen = _view(picture(), draw)
        if seen_at is not None:
            seen = interpolate(seen, size=seen_at, mode="bilinear", align_corners=True)
        answer = network.features(seen, [layer])[layer].mean((2, 3))[rows, list(classes)]
        adam.zero_grad()
        (-answer.sum()).backward()
        adam.step()
        if callback is not None:
            with torch.no_grad():
                callback(step + 1, picture())
    return picture().detach()


def _view(x: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    x = _moved(pad(x, [12] * 4, value=0.5), 8, draw)
    side = x.shape[-1]
    factor = 0.9 + 0.02 * int(torch.randint(11, (), generator=draw))
    scaled = math.ceil(factor * side)
    border = max(0, math.ceil((side - scaled) / 2))
    x = pad(interpolate(x, size=scaled, mode="bilinear", align_corners=True), [border] * 4)
    angle = math.radians(ANGLES[int(torch.randint(len(ANGLES), (), generator=draw))])
    cos, sin = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[[cos, sin, 0.0], [-sin, cos, 0.0]]]).expand(len(x), -1, -1)
    x = grid_sample(x, affine_grid(turn, list(x.shape), align_corners=False), align_corners=False)
    return _moved(x, 4, draw)


def _moved(x: torch.Tensor, most: int, draw: torch.Generator) -> torch.Tensor:
    """Moved down and to the right by 0 to most - 1 pixels, zeros where nothing was."""
    down, right = torch.randint(most, (2,), generator=draw).tolist()
    return pad(x, [right, -right, down, -down])
