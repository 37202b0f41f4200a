"""What records share: scores of a denoiser, total variation, the best of a run, starts of pre-images, strips."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import torch
from PIL import Image

from deeprestore_lab import minimise
from deeprestore_lab.course.figures import encode
from deeprestore_lab.course.figures.encoding import to_bytes8
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.measures.metrics import psnr, ssim
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import TotalVariation

START = 0.1  # the noise that pre-images start with
TYPICAL_STEP = 80 / 6.5 / 255  # of neighbouring values, in Mahendran & Vedaldi (2016)


@torch.no_grad()
def mean_scores(
    restore: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, damaged: Sequence[torch.Tensor]
) -> dict:
    """PSNR and SSIM of restore(y), means over images and the draws y in `damaged`; each image's PSNR at the first.

    PSNR is that of the values as they come out, SSIM after clipping.
    """
    found = []
    for y in damaged:
        z = restore(y)
        found.append((psnr(z, x), ssim(z.clamp(0, 1), x)))
    psnrs, ssims = (torch.stack(values).mean().item() for values in zip(*found, strict=True))
    return {"psnr": psnrs, "ssim": ssims, "each_at_first_seed": found[0][0].tolist()}


def best_variation(x: torch.Tensor, y: torch.Tensor, *, sigma: float, count: int) -> dict:
    """Total variation of the noisy `y` at the best of `count` weights from 1/4 to 4, by PSNR against the truth `x`."""
    weights = torch.logspace(-0.6, 0.6, count)
    batch = y.expand(count, -1, -1, -1)
    energy = GaussianLikelihood(Identity(), batch, sigma=sigma) + weights * TotalVariation().calibrated(sigma=sigma)
    scores = psnr(minimise(energy, batch, snapshots=False, progress=False).x, x.expand_as(batch))
    return {"psnr": float(scores.max()), "weight": float(weights[scores.argmax()])}


def highest(curve: torch.Tensor) -> dict:
    """The highest PSNR of a curve `(T,)` and its step."""
    return {"step": int(curve.argmax()), "psnr": float(curve.max())}


def grey_start(size: int, *, seed: int) -> torch.Tensor:
    """Grey with a little noise, `(1, 3, size, size)`: where searches for pre-images begin."""
    draw = torch.Generator().manual_seed(seed)
    return 0.5 + START * torch.randn(1, 3, size, size, generator=draw)


def searched(energy: Energy, start: torch.Tensor, steps: Sequence[int]) -> list[torch.Tensor]:
    """What a search by L-BFGS with values in [0, 1] shows at each of `steps`; one that had converged stays as it is.

    No checkpoint is kept: a run that is taken up again would not pass the first steps shown.
    """
    seen = {}

    def note(step: int, at: torch.Tensor) -> None:
        if step in steps:
            seen[step] = at.clone()

    trace = minimise(
        energy,
        Pixels(start, bounds=(0, 1)),
        solver="lbfgs",
        steps=steps[-1],
        tolerance=1e-5,
        callback=note,
        snapshots=False,
        progress=False,
    )
    return [seen.get(step, trace.x) for step in steps]


def strip(shown: torch.Tensor) -> bytes:
    """Pictures `(T, 3, H, W)` of whole numbers up to 255 side by side, encoded."""
    return encode(torch.cat(list(shown.float() / 255), dim=-1)[None])


def small_strip(x: torch.Tensor, *, quality: int) -> bytes:
    """Pictures `(T, 3, H, W)` in [0, 1] side by side, as WebP of a lower quality: specks cost much."""
    buffer = io.BytesIO()
    Image.fromarray(to_bytes8(torch.cat(list(x), dim=-1)[None])).save(
        buffer, "WEBP", quality=quality, method=6, use_sharp_yuv=True
    )
    return buffer.getvalue()
