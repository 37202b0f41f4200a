"""The diffusion model of digits of chapter 21: a denoiser for every level of noise. Needs MNIST.

It learns from the first 50,000 training digits. What is learnt, F, has a target of spread 1 at every level, so its
plain mean square error weighs the levels as Karras et al. do. The levels of a batch are spread evenly over their law.
The rate stays constant and falls to zero over the last third, which does what an average of the weights would.
"""

from __future__ import annotations

import torch

from deeprestore_lab import data
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.core.machine import fast_precision
from deeprestore_lab.networks.diffusion_unet import CENTRE, LEVELS, MIDDLE, SPREAD, WIDTHS, DiffusionUNet
from deeprestore_lab.training import fit, step_generator
from scripts.making.digits.measures import LICENCE, split
from scripts.making.resumable import Parts

STEPS, BATCH, LR, WARMUP, FALLING = 8_000, 128, 2e-3, 200, 1 / 3
MEAN, DEVIATION = -1.4, 1.4  # of ln(sigma)
SETTINGS = {"steps": STEPS, "batch": BATCH, "lr": LR, "falling": f"{FALLING:.3f}", "level": [MEAN, DEVIATION]}
SETTINGS |= {"widths": list(WIDTHS), "middle": MIDDLE, "seed": 0}
PARTS = Parts("diffusion_digits", SETTINGS)


def rate(step: int) -> float:
    """A linear rise, a constant, a linear fall to zero."""
    return LR * min((step + 1) / WARMUP, (STEPS - step) / (FALLING * STEPS), 1.0)


def noisy(x: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What F sees `(N, 1, 28, 28)`, the levels `(N, 1, 1, 1)`, and what F should give, for pictures `x`."""
    spots = (torch.arange(len(x)) + torch.rand(len(x), generator=generator)) / len(x)
    sigma = torch.exp(MEAN + DEVIATION * torch.special.ndtri(spots.clamp(1e-4, 1 - 1e-4))).clamp(*LEVELS)
    level = sigma[:, None, None, None]
    y, size = x - CENTRE + level * torch.randn(x.shape, generator=generator), (level**2 + SPREAD**2).sqrt()
    target = (x - CENTRE - (SPREAD / size) ** 2 * y) * size / (level * SPREAD)
    return y / size, level, target


def train(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The run, to the weights that were best on digits to validate with."""
    learnt, validating = split()
    network = DiffusionUNet()

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        generator = step_generator(0, step)
        return noisy(learnt[torch.randint(len(learnt), (BATCH,), generator=generator)], generator)

    def error(batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
        scaled, level, target = batch
        return (network.target(scaled, level).float() - target).square().mean()

    history = fit(
        network,
        draw,
        objective=error,
        steps=STEPS,
        lr=rate,
        held_out=noisy(validating[:500], torch.Generator().manual_seed(2**40)),
        every=500,
        precision=fast_precision(),
        checkpoint=PARTS.checkpoint(key),
        label="diffusion",
    )
    print("held out:", [round(value, 4) for value in history.held_out], flush=True)
    return {"best_step": history.best_step, "held_out": history.held_out}, network.half().state_dict()


@torch.no_grad()
def errors(network: DiffusionUNet, x: torch.Tensor, levels: tuple[float, ...] = (0.05, 0.2, 0.8, 3.2)) -> list[float]:
    """Root mean square errors of D on `x` with noise of each level, one draw by seed."""
    found = []
    for number, sigma in enumerate(levels):
        y = x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(number))
        found.append(float((network(y, sigma) - x).square().mean().sqrt()))
    return found


def main() -> None:
    """Train it, measure the weights as they are shipped, and write the artifact."""
    torch.set_num_threads(1)
    weights = PARTS.get("network", train)[1]
    network = DiffusionUNet()
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    reached = ", ".join(f"{error:.4f}" for error in errors(network, data.mnist("test").images[:1000]))
    save_weights(
        "diffusion_digits",
        weights,
        command="make weights NAME=diffusion_digits",
        data="MNIST, the first 50,000 training digits",
        licence=LICENCE,
        seeds=[0],
        metric=f"root mean square error on 1,000 test digits at sigma 0.05, 0.2, 0.8, 3.2: {reached}",
    )
