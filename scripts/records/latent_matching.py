"""What mends the holes of a bounded auto-encoder: every term of `Matching` and combinations, five seeds. Needs MNIST.

The weight of a method is chosen on the validation digits, seed 0: of its grid, the one with the fewest holes in the
classifier's features among those whose reconstruction error is at most 1.08 times the naive one; where none is, the one
with the smallest error. Then five seeds, measured on the test digits. Three tables besides: the number of candidates
of the neighbour term, the dimension of the cube, and the three starts under which a code may collapse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import nn

from deeprestore_lab import data
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.generators import bounded_training
from deeprestore_lab.generators.bounded_training import BATCH, STEPS, train_bounded
from deeprestore_lab.generators.code_matching import BANK, NAIVE, Matching
from deeprestore_lab.networks.bounded_autoencoder import WIDTHS, BoundedAutoEncoder
from deeprestore_lab.networks.digit_classifier import digit_classifier
from scripts.making.digits.measures import LICENCE, Judge, split
from scripts.making.resumable import Parts, rounded

SEEDS, FEWER, LATENT, ALLOWED = (0, 1, 2, 3, 4), (0, 1), 10, 1.08  # FEWER: for candidates and dimensions
SLICED = 0.02  # beside other terms
METHODS: dict[str, tuple[Callable[[float], Matching], tuple[float, ...]]] = {
    "sliced Wasserstein": (lambda w: Matching(sliced_wasserstein=w), (0.02, 0.05, 0.1, 0.2)),
    "MMD": (lambda w: Matching(maximum_mean_discrepancy=w), (0.03, 0.1, 0.3, 1.0)),
    "energy distance": (lambda w: Matching(energy_distance=w), (0.03, 0.1, 0.3, 1.0)),
    "moments": (lambda w: Matching(moments=w), (0.0003, 0.001, 0.003, 0.01)),
    "cycle": (lambda w: Matching(cycle=w), (0.03, 0.1, 0.3)),
    "noise": (lambda w: Matching(noise=w), (0.1, 0.2, 0.4)),
    "Voronoi": (lambda w: Matching(neighbour=w), (0.1, 0.2, 0.5)),
    "reverse Chamfer": (lambda w: Matching(neighbour=w, candidates=BANK), (0.05, 0.1, 0.2)),
    "neighbour": (lambda w: Matching(neighbour=w, candidates=32), (0.1, 0.2, 0.5)),
    "SW + cycle": (lambda w: Matching(sliced_wasserstein=SLICED, cycle=w), (0.03, 0.1, 0.3)),
    "SW + noise": (lambda w: Matching(sliced_wasserstein=SLICED, noise=w), (0.1, 0.2)),
    "SW + Voronoi": (lambda w: Matching(sliced_wasserstein=SLICED, neighbour=w), (0.1, 0.2, 0.5)),
    "SW + neighbour": (
        lambda w: Matching(sliced_wasserstein=SLICED, neighbour=w, candidates=32),
        (0.1, 0.2, 0.3),
    ),
    "SW + neighbour + cycle": (
        lambda w: Matching(sliced_wasserstein=SLICED, neighbour=w, candidates=32, cycle=0.1),
        (0.1, 0.2),
    ),
}
CANDIDATES, LATENTS = (1, 4, 32, 128, BANK), (8, 12)
STARTS = ("ours", "PyTorch's", "PyTorch's, inputs standardised")
SETTINGS = {"steps": STEPS, "batch": BATCH, "widths": list(WIDTHS), "latent": LATENT}
PARTS = Parts("latent_matching", SETTINGS)


@cache
def judge(on: str) -> Judge:
    """The measures on "validation" or "test" digits."""
    learnt, validation = split()
    return Judge(digit_classifier(), learnt, validation if on == "validation" else data.mnist("test").images)


def measured(on: str, matching: Matching, *, seed: int = 0, latent: int = LATENT) -> dict[str, float]:
    """The measures of one training, from its file or made now."""
    used = {name: getattr(matching, name) for name in matching.terms}
    used |= {"candidates": matching.candidates} if matching.neighbour else {}
    key = " ".join([f"d {latent}", *(f"{name} {value:g}" for name, value in used.items()), f"seed {seed}"])

    def make(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
        model = train_bounded(
            split()[0], latent=latent, matching=matching, seed=seed, checkpoint=PARTS.checkpoint(key), progress=False
        )
        judges = ("validation", "test") if seed == 0 else ("test",)
        return {name: judge(name).model(model, seed=seed) for name in judges}, {}

    found = PARTS.get(key, make)[0][on]
    print(key, on, {name: float(f"{found[name]:.3g}") for name in found}, flush=True)
    return found


def chosen(name: str, naive: dict[str, float]) -> float:
    """The weight of a method, by the rule above."""
    method, grid = METHODS[name]
    found = {weight: measured("validation", method(weight)) for weight in grid}
    allowed = [w for w in grid if found[w]["reconstruction"] <= ALLOWED * naive["reconstruction"]]
    if not allowed:
        return min(grid, key=lambda weight: found[weight]["reconstruction"])
    return min(allowed, key=lambda weight: found[weight]["holes_features"])


def summary(runs: list[dict[str, float]]) -> dict[str, dict]:
    """Every measure's mean and standard deviation over the runs, and the runs."""
    table = {}
    for name in runs[0]:
        values = torch.tensor([run[name] for run in runs], dtype=torch.float64)
        table[name] = {"mean": float(values.mean()), "deviation": float(values.std()), "runs": values.tolist()}
    return table


def collapse(start: str) -> list[float]:
    """The largest standard deviation of a coordinate of the codes after naive training from `start`, by seed."""

    class Started(BoundedAutoEncoder):
        def initialise(self, images: torch.Tensor) -> BoundedAutoEncoder:
            super().initialise(images)
            if start != "ours":
                with seeded(self.seed):
                    for layer in (*self.encoder, *self.decoder):
                        if isinstance(layer, nn.Linear):
                            layer.reset_parameters()
            if start == "PyTorch's":
                self.mean.zero_()
                self.scale.fill_(1.0)
            return self

    def make(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
        usual, bounded_training.BoundedAutoEncoder = bounded_training.BoundedAutoEncoder, Started
        try:
            model = train_bounded(split()[0], latent=LATENT, seed=int(key.split()[-1]), progress=False)
        finally:
            bounded_training.BoundedAutoEncoder = usual
        with torch.no_grad():
            return {"spread": float(model.encode(split()[1]).std(0).max())}, {}

    return [PARTS.get(f"start {start} {seed}", make)[0]["spread"] for seed in SEEDS]


def main() -> None:
    """Measure what is not measured yet, and write the record."""
    naive = measured("validation", NAIVE)
    weights = {name: chosen(name, naive) for name in METHODS}
    table = {"naive": summary([measured("test", NAIVE, seed=seed) for seed in SEEDS])}
    for name, weight in weights.items():
        matching = METHODS[name][0](weight)
        table[name] = summary([measured("test", matching, seed=seed) for seed in SEEDS])
    share = weights["SW + neighbour"]
    by_candidates = {}
    for count in CANDIDATES:
        matching = Matching(sliced_wasserstein=SLICED, neighbour=share, candidates=count)
        runs = [measured("test", matching, seed=seed) for seed in FEWER]
        by_candidates[str(count)] = summary(runs)
    by_latent = {}
    for latent in LATENTS:
        for name, matching in (("naive", NAIVE), ("mended", METHODS["SW + neighbour"][0](share))):
            runs = [measured("test", matching, seed=seed, latent=latent) for seed in FEWER]
            by_latent[f"{name} {latent}"] = summary(runs)
    save_record(
        "latent_matching",
        rounded(
            {
                "settings": SETTINGS
                | {"seeds": list(SEEDS), "fewer": list(FEWER), "allowed": ALLOWED, "sliced": SLICED},
                "weights": weights,
                "grids": {name: list(grid) for name, (_, grid) in METHODS.items()},
                "methods": table,
                "candidates": by_candidates,
                "latents": by_latent,
                "starts": {start: collapse(start) for start in STARTS},
            }
        ),
        command="make records NAME=latent_matching",
        data="MNIST: 50,000 training digits, 10,000 to validate, 5,000 test digits",
        licence=LICENCE,
        seeds=list(SEEDS),
        metric=f"holes in features, test digits: naive {table['naive']['holes_features']['mean']:.3f}, "
        f"SW + neighbour {table['SW + neighbour']['holes_features']['mean']:.3f}",
    )
