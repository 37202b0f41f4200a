"""The training of `DenoisingUNet`, in colour on free photographs.

Every patch has a level of its own, uniform from 0 to 75/255. The loss is the mean square error over sigma + 5/255: the
error grows somewhat faster than sigma, and without that the strong noise would have nearly all of the gradient. For
each level the minimum is the same with and without it.

Two runs, one going on from the other: with steps of 1e-3 to the end, the error on the photograph to stop by tripled
between step 2500 and 3000 and never came back to where it had been.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from deeprestore_lab import images
from deeprestore_lab.machine import fast_precision
from deeprestore_lab.networks.denoising_unet import WIDTHS, DenoisingUNet
from deeprestore_lab.training import cosine, fit
from scripts.making.photographs.learnt import EMBEDDED, STOPPED_BY, learnt_photographs, scaled
from scripts.making.resumable import Parts

BATCH, PATCH = 16, 64
RUNS = ((2500, 8000, 1e-3, 500), (4000, 4000, 4e-4, 100))  # steps, those that the cosine is for, its lr, warm-up
LARGEST, OFFSET = 75 / 255, 5 / 255
SIDES = (512, 320, 192, 128)  # each photograph is there once for each shorter side
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SETTINGS = {
    "embedded": list(EMBEDDED),
    "stopped_by": STOPPED_BY,
    "sides": list(SIDES),
    "runs": [list(run) for run in RUNS],
    "batch": BATCH,
    "patch": PATCH,
    "sigma": [0, LARGEST],
    "loss": f"mean square over sigma + {OFFSET:.4f}",
    "widths": list(WIDTHS),
}
PARTS = Parts("denoising_unet", SETTINGS)


class Draws:
    """Batches cut from pictures that lie flat in one tensor, where the network is: from the number of the step alone.

    Each size of picture is drawn from as often as it has pictures. A third of the patches is transposed, a third upside
    down, and half of all are mirrored.
    """

    def __init__(self, photographs: list[torch.Tensor]) -> None:
        sized = [small[0] for x in photographs for small in scaled(x, SIDES)]
        pictures = [(255 * x).round().clamp(0, 255).to(DEVICE, torch.uint8) for x in sized]
        self.flat = torch.cat([x.reshape(3, -1) for x in pictures], 1)
        sizes = torch.tensor([x.shape[1:] for x in pictures], device=DEVICE)
        areas = sizes.prod(1)
        self.starts, self.heights, self.widths = areas.cumsum(0) - areas, sizes[:, 0], sizes[:, 1]
        side = torch.arange(PATCH, device=DEVICE)
        self.rows, self.columns = side[:, None], side[None]

    def patches(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """`(count, C, PATCH, PATCH)` in [0, 1]."""
        drawn = partial(torch.rand, generator=generator, device=DEVICE)
        chosen = (drawn(count) * len(self.starts)).long()
        top = (drawn(count) * (self.heights[chosen] - PATCH + 1)).long()
        left = (drawn(count) * (self.widths[chosen] - PATCH + 1)).long()
        first = self.starts[chosen] + top * self.widths[chosen] + left
        places = first[:, None, None] + self.rows * self.widths[chosen, None, None] + self.columns
        x = self.flat[:, places].movedim(0, 1).float() / 255  # (count, C, PATCH, PATCH)
        third = count // 3
        x = torch.cat([x[:third].mT, x[third : 2 * third].flip(-2), x[2 * third :]])
        return torch.where(drawn(count, 1, 1, 1) < 0.5, x, x.flip(-1))

    def pair(self, step: int, *, count: int = BATCH) -> tuple[torch.Tensor, torch.Tensor]:
        """What `Told` takes, and the target it is compared with."""
        generator = torch.Generator(DEVICE).manual_seed(step)
        x = self.patches(count, generator)
        sigma = LARGEST * torch.rand(count, 1, 1, 1, generator=generator, device=DEVICE)
        y = x + sigma * torch.randn(x.shape, generator=generator, device=DEVICE)
        return torch.cat([y, sigma.expand(-1, -1, PATCH, PATCH)], 1), x * scale(sigma)


def scale(sigma: torch.Tensor) -> torch.Tensor:
    """By which errors are multiplied before they are squared."""
    return (sigma + OFFSET).rsqrt()


class Told(nn.Module):
    """The network on `[y, sigma map]`, its answer multiplied by `scale`: levels are not looked at on the way."""

    def __init__(self, net: DenoisingUNet) -> None:
        super().__init__()
        self.net = net.to(DEVICE)

    def forward(self, told: torch.Tensor) -> torch.Tensor:
        y, sigma = told.tensor_split([self.net.channels], 1)
        level = sigma[..., :1, :1]
        return (y + self.net.residual(y, level)).float() * scale(level)


def train(name: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """All runs, from the start to the weights that were best on the photograph to stop by."""
    net = DenoisingUNet()
    draws, stop_by = (Draws(those) for those in (learnt_photographs(), [images.photograph(STOPPED_BY)]))
    made, first = {"held_out": []}, 0
    for steps, whole, lr, warmup in RUNS:
        history = fit(
            Told(net),
            lambda step, first=first: draws.pair(first + step),
            steps=steps,
            lr=cosine(lr, whole, warmup=warmup),
            held_out=stop_by.pair(2**40, count=64),
            every=500,
            precision=fast_precision(DEVICE),
            accelerator="gpu" if DEVICE.type == "cuda" else "cpu",
            checkpoint=PARTS.checkpoint(f"{name} {first}"),
            label=name,
        )
        made["held_out"].append(history.held_out)
        first += steps
    return made, {key: w.half().cpu() for key, w in net.state_dict().items()}
