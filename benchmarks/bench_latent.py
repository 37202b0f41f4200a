"""Restoring 500 digits over the latent of an auto-encoder: one batch against one digit after the other.

Each digit is searched for from six starts, the encoder's guess and five draws, by Adam with 200 steps. First row: the
peer is the same call for one digit at a time, timed on a few and scaled to all; both sides solve the same problems, and
how far their energies differ is noted. Goal, set before measuring: ten times as fast. Second row: the peer is Adam of
torch on the same batch, steps and energy, written out, which keeps no trace, checks nothing and compares no starts.
Goal: at most a tenth more than its time.

Where the weights of the auto-encoder are not there, they are random, and the note says so. Digits are those that
`data.mnist` finds, repeated where there are fewer.
"""

from __future__ import annotations

import torch

import deeprestore_lab as drl
from benchmarks.timing import timed
from deeprestore_lab.core.artifacts import ArtifactError
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.generators import restore
from deeprestore_lab.networks import BoundedAutoEncoder, latent_autoencoder
from deeprestore_lab.operators import Mask
from deeprestore_lab.training import cosine

GOAL, GOAL_PLAIN, SIGMA, DRAWS = 10.0, 0.9, 0.2, 5


def network(images: torch.Tensor) -> tuple[BoundedAutoEncoder, str]:
    """The auto-encoder with its weights, or random ones, and which they are."""
    try:
        return latent_autoencoder("mended", latent=10), "shipped weights"
    except ArtifactError:
        model = BoundedAutoEncoder(latent=10).initialise(images).requires_grad_(False)
        model.decoder[-1].weight.mul_(30)  # images that differ
        return model, "RANDOM weights: none are at hand"


def digits(count: int) -> torch.Tensor:
    """So many digits of the test split, repeated where there are fewer."""
    images = drl.data.mnist("test").images
    return images.repeat(-(-count // len(images)), 1, 1, 1)[:count]


def half_seen() -> Mask:
    """The left half of a digit."""
    mask = torch.ones(1, 1, 28, 28)
    mask[..., 14:] = 0
    return Mask(mask)


def ours(model: BoundedAutoEncoder, y: torch.Tensor, steps: int) -> torch.Tensor:
    """The energies that the starts of these digits end in, `(S, N)`."""
    energy = GaussianLikelihood(half_seen(), y, sigma=SIGMA)
    settings = {"guess": model.encode(y), "starts": DRAWS, "steps": steps, "progress": False}
    return restore.restore_over_latent(model.decode, energy, **settings).energies


def plain(model: BoundedAutoEncoder, y: torch.Tensor, steps: int) -> torch.Tensor:
    """The same by torch's Adam on the whole batch."""
    mask = half_seen()(torch.ones_like(y[:1]))
    u = restore.all_starts(model.encode(y), DRAWS, bounds=(0, 1), seed=0).flatten(0, 1).requires_grad_()
    target, schedule = y.repeat(DRAWS + 1, 1, 1, 1), cosine(restore.LR, steps)
    optimiser = torch.optim.Adam([u])
    for step in range(steps + 1):
        optimiser.zero_grad()
        energy = (mask * model.decode(u) - target).square().flatten(1).sum(1) / (2 * SIGMA**2)
        if step < steps:
            energy.sum().backward()
            optimiser.param_groups[0]["lr"] = schedule(step)
            optimiser.step()
            u.data.clamp_(0, 1)
    return energy.detach().unflatten(0, (DRAWS + 1, len(y)))


def row(name: str, own: float, peer: str, peers: float, goal: float, words: str, note: str) -> dict:
    return {
        "name": name,
        "ours_s": own,
        "peer": peer,
        "peer_s": peers,
        "ratio": peers / own,
        "goal": words,
        "met": peers / own >= goal,
        "note": note,
    }


def run(count: int = 500, alone: int = 10, steps: int = 200, repeats: int = 3) -> list[dict]:
    """Two rows; each time is the best of `repeats`, the sides alternating."""
    x = digits(count)
    model, which = network(x)
    y = half_seen()(x + drl.images.gaussian_noise(x, sigma=SIGMA, seed=0))
    ours(model, y[:1], 2)  # imports and caches
    own, peer, single = [], [], []
    for _ in range(repeats):
        took, energies = timed(lambda: ours(model, y, steps))
        own.append(took)
        took, written_out = timed(lambda: plain(model, y, steps))
        peer.append(took)
        took, one_by_one = timed(lambda: torch.cat([ours(model, y[n : n + 1], steps) for n in range(alone)], 1))
        single.append(took)
    off, off_plain = (
        float((a.amin(0) / energies.amin(0)[: a.shape[1]] - 1).abs().median()) for a in (one_by_one, written_out)
    )
    name = f"{count} digits over a latent of 10, 6 starts"
    scaled = f"scaled from {alone}; lowest energies differ by {off:.1e} of themselves in the median; {which}"
    return [
        row(name, min(own), "one by one", min(single) * count / alone, GOAL, f"{GOAL:g} times as fast", scaled),
        row(
            name,
            min(own),
            "plain torch, one batch",
            min(peer),
            GOAL_PLAIN,
            "at most a tenth more",
            f"lowest energies differ by {off_plain:.1e} of themselves in the median; {which}",
        ),
    ]


if __name__ == "__main__":
    torch.set_num_threads(2)
    for line in run():
        print(line)
