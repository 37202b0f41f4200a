"""How far GoogLeNet's first response normalisation can be undone: by iteration, a scale, a linear map, a small network.

Both networks look at one position: a convolution 1 x 1 fitted by least squares, with the channels' means, and 1 x 1
convolution, ReLU, 1 x 1 convolution. They learn from maps of free photographs; all is measured on the maps of other
photographs. The error is ||u^ - u||^2 / ||u||^2 over all of them, u the map that the normalisation was given.
"""

from __future__ import annotations

import torch
from torch import nn

from deeprestore_lab import images
from deeprestore_lab.backbones import load
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.inverse_networks.response_normalisation import best_scale, fixed_point_inverse, turning_point
from deeprestore_lab.training import cosine, fit
from scripts.making.inverse_training import learnt_patches
from scripts.making.photographs.learnt import DATA, LICENCE
from scripts.making.resumable import rounded

BEFORE, NAME, SEEDS, STEPS, WIDTH, CROPS = "pool1", "norm1", [0, 1, 2], 1500, 64, 192
ITERATIONS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
SETTINGS = {
    "before": BEFORE,
    "layer": NAME,
    "seeds": SEEDS,
    "steps": STEPS,
    "width": WIDTH,
    "crops": CROPS,
    "iterations": ITERATIONS,
}


def error(found: torch.Tensor, u: torch.Tensor) -> float:
    """The squared norm of the difference over that of u."""
    return float((found - u).square().sum() / u.square().sum())


def small_network(y: torch.Tensor, u: torch.Tensor, *, seed: int) -> nn.Module:
    """1 x 1, ReLU, 1 x 1, trained on maps (N, C, h, w) in units of their root mean square."""
    channels = y.shape[1]
    with seeded(seed):
        network = nn.Sequential(nn.Conv2d(channels, WIDTH, 1), nn.ReLU(), nn.Conv2d(WIDTH, channels, 1))

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.randint(len(y), (16,), generator=torch.Generator().manual_seed(1_000_003 * seed + step))
        return y[chosen], u[chosen]

    fit(network, draw, steps=STEPS, lr=cosine(1e-2, STEPS, warmup=20), progress=False)
    return network


@torch.no_grad()
def linear(y: torch.Tensor, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The best matrix and offset in squares from y to u, channels by position."""
    a = y.movedim(1, -1).flatten(0, -2).double()
    b = u.movedim(1, -1).flatten(0, -2).double()
    a = torch.cat([a, torch.ones(len(a), 1).double()], 1)
    both = torch.linalg.lstsq(a, b).solution.float()
    return both[:-1], both[-1]


def main() -> None:
    """Measure and write the record."""
    torch.set_num_threads(1)
    net = load("googlenet", layers=[NAME])
    layer = net.module[net.layers.index(NAME)]
    x = images.photographs(images.HELD_OUT_PHOTOGRAPHS, size=128)
    with torch.no_grad():
        u = net.features(x, [BEFORE])[BEFORE]
        y = layer(u)
        crops = torch.cat([learnt_patches().draw(32, seed=k) for k in range(CROPS // 32)])
        u_learnt = torch.cat([net.features(own, [BEFORE])[BEFORE] for own in crops.split(32)])
        y_learnt = layer(u_learnt)
    units = u_learnt.square().mean().sqrt(), y_learnt.square().mean().sqrt()
    matrix, offset = linear(y_learnt, u_learnt)
    mapped = torch.einsum("nchw,cd->ndhw", y, matrix) + offset.reshape(1, -1, 1, 1)
    reached = []
    for seed in SEEDS:
        network = small_network(y_learnt / units[1], u_learnt / units[0], seed=seed)
        with torch.no_grad():
            reached.append(error(network(y / units[1]) * units[0], u))
    found = {
        "turning_point": turning_point(layer),
        "largest_input": float(u.max()),
        "share_of_values_beyond": float((u > turning_point(layer)).float().mean()),
        "share_of_energy_beyond": float(u[u > turning_point(layer)].square().sum() / u.square().sum()),
        "as it is": error(y, u),
        "best scale": error(best_scale(y_learnt, u_learnt) * y, u),
        "fixed point": {str(n): error(fixed_point_inverse(y, layer, steps=n), u) for n in ITERATIONS},
        "linear map": error(mapped, u),
        "small network": reached,
    }
    save_record(
        "response_normalisation",
        rounded({**SETTINGS, "errors": found}),
        command="make records NAME=response_normalisation",
        data=f"{DATA}; GoogLeNet of the local tier; measured on {', '.join(images.HELD_OUT_PHOTOGRAPHS)}",
        licence=f"{LICENCE}; the record holds numbers only",
        seeds=SEEDS,
        metric=f"relative error of {BEFORE} from {NAME}: best scale {found['best scale']:.2f}, linear map "
        f"{found['linear map']:.2f}, small network {max(reached):.2f}",
    )
