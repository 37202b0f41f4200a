"""The training of `DenoisingUNet`, in colour on free photographs.

Every patch has a level of its own between 0 and 75/255, weak noise more often than strong. The loss is the mean square
error over sigma + 5/255: the error grows somewhat faster than sigma, and without that the strong noise would have
nearly all of the gradient. For each level the minimum is the same with and without it.

One patch in six is made grey. Without that the network was 0.2 dB worse on the five held-out photographs at 10/255, two
of which are grey: their noise can be averaged over three channels, if one knows that they are alike. Levels drawn
uniformly cost 0.1 dB at 10/255 and gain as much at 50/255. A step size of 1e-3 (in bfloat16) ended 0.3 dB below 5e-4.
"""

from __future__ import annotations

from functools import partial

import torch

from deeprestore_lab import images
from deeprestore_lab.networks.denoising_unet import WIDTHS, DenoisingUNet
from deeprestore_lab.training import cosine, fit
from scripts.making.photographs.learnt import EMBEDDED, STOPPED_BY, learnt_photographs, scaled
from scripts.making.resumable import Parts

BATCH, PATCH = 32, 64
STEPS, LR, WARMUP = 51_000, 5e-4, 1000  # 3.5 minutes on an H200; half a day on two small cores
LARGEST, OFFSET = 75 / 255, 5 / 255
GREY = 1 / 6  # share of patches without colour: photographs in grey come as three equal channels
POWER = 1.5  # of the uniform number that gives the level: above 1 favours weak noise
SIDES = (512, 320, 192, 128)  # each photograph is there once for each shorter side
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SETTINGS = {
    "embedded": list(EMBEDDED),
    "stopped_by": STOPPED_BY,
    "sides": list(SIDES),
    "steps": STEPS,
    "lr": LR,
    "warmup": WARMUP,
    "batch": BATCH,
    "patch": PATCH,
    "grey": f"{GREY:.4f}",
    "sigma": f"{LARGEST:.4f} times a uniform number to the power {POWER:g}",
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
        x = torch.where(drawn(count, 1, 1, 1) < 0.5, x, x.flip(-1))
        return torch.where(drawn(count, 1, 1, 1) < GREY, images.to_grey(x), x)

    def noisy(self, step: int, *, count: int = BATCH) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Patches, noisy ones, and the levels `(count, 1, 1, 1)`."""
        generator = torch.Generator(DEVICE).manual_seed(step)
        x = self.patches(count, generator)
        sigma = LARGEST * torch.rand(count, 1, 1, 1, generator=generator, device=DEVICE) ** POWER
        y = x + sigma * torch.randn(x.shape, generator=generator, device=DEVICE)
        return x, y, sigma


def train(name: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The run, from the start to the weights that were best on the photograph to stop by."""
    net, on_gpu = DenoisingUNet().to(DEVICE), DEVICE.type == "cuda"
    draws, stop_by = (Draws(those) for those in (learnt_photographs(), [images.photograph(STOPPED_BY)]))

    def error(batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        x, y, sigma = batch
        found = y + net.residual(y, sigma)  # unlike the network itself it looks at no value, which a GPU waits for
        return ((found - x).square() / (sigma + OFFSET)).mean()

    history = fit(
        net,
        draws.noisy,
        objective=error,
        steps=STEPS,
        lr=cosine(LR, STEPS, warmup=WARMUP),
        held_out=stop_by.noisy(2**40, count=64),
        every=1000,
        accelerator="gpu" if on_gpu else "cpu",
        capture=on_gpu,
        checkpoint=PARTS.checkpoint(name),
        label=name,
    )
    weights = {key: w.half().cpu() for key, w in net.state_dict().items()}
    return {"best_step": history.best_step, "held_out": history.held_out}, weights
