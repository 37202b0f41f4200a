"""What approximate neighbours miss, what mends it, and what both do to IMLE: a record of chapter 13. Needs MNIST.

Recall is that of `Neighbours` by a graph, 10,000 rows and 500 queries, of normal numbers in 2 to 784 dimensions and of
MNIST's pixels. Times are those of the processor for one query, over that of the exact search. The remedy, `Reranked`,
is measured on the same rows. Then one small IMLE for each way to search.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch

from deeprestore_lab import data
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.generators import (
    IMLE,
    Neighbours,
    Reranked,
    neighbour_recall,
    normal_codes,
    principal_projection,
    random_projection,
    train_imle,
)
from deeprestore_lab.networks.bounded_autoencoder import latent_autoencoder
from deeprestore_lab.networks.digit_classifier import digit_classifier
from deeprestore_lab.training import cosine
from scripts.making.digits.measures import LICENCE, Judge, split
from scripts.making.resumable import Part, Parts, rounded

DIMENSIONS, EFFORTS, ROWS, QUERIES = (2, 5, 10, 20, 50, 100, 200, 784), (16, 64, 256), 10_000, 500
PROJECTIONS, CANDIDATES = ("PCA 10", "PCA 40", "random 40", "auto-encoder 10"), (10, 50, 200)
WAYS = ("exact", "graph", "thin graph", "PCA 40 without ranking", "re-ranked")
STEPS, POOL = 600, 4096
SETTINGS = {"rows": ROWS, "queries": QUERIES, "links": 16, "steps": STEPS, "pool": POOL}
PARTS = Parts("approximate_neighbours", SETTINGS)


def rows_of(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The reference `(10000, D)` and the queries `(500, D)`, of "normal D" or "MNIST"."""
    if name == "MNIST":
        return split()[0][:ROWS].flatten(1), data.mnist("test").images[:QUERIES].flatten(1)
    numbers = torch.randn(ROWS + QUERIES, int(name.split()[1]), generator=torch.Generator().manual_seed(0))
    return numbers[:ROWS], numbers[ROWS:]


def timed(search: Neighbours | Reranked, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Distances and places of ten neighbours, and seconds of the processor for a query, the best of three."""
    seconds = []
    for _ in range(3):
        begin = time.process_time()
        distances, places = search.query(x, k=10)
        seconds.append((time.process_time() - begin) / len(x))
    return distances, places, min(seconds)


def against(exact: tuple, found: tuple) -> dict[str, float]:
    """Recall at 1 and 10 and relative time."""
    recall = {f"recall_{k}": neighbour_recall(found[1][:, :k], exact[1][:, :k]) for k in (1, 10)}
    return {**recall, "relative_time": found[2] / exact[2], "milliseconds": 1000 * found[2]}


def recalls(name: str) -> Part:
    """What the graph finds, at each effort. `contrast` is the mean distance over that to the nearest."""
    reference, x = rows_of(name)
    exact = timed(Neighbours(reference), x)
    contrast = float(torch.cdist(x, reference).mean() / exact[0][:, 0].mean())
    index, table = Neighbours(reference, method="graph"), []
    for effort in EFFORTS:
        index.effort = effort  # of the same graph
        table.append({"effort": effort, **against(exact, timed(index, x))})
    return {"rows": table, "contrast": contrast, "milliseconds_exact": 1000 * exact[2]}, {}


def remedies(name: str) -> Part:
    """What is found among candidates from fewer dimensions, ranked exactly."""
    reference, x = rows_of(name)
    exact, table = timed(Neighbours(reference), x), []
    for projection in PROJECTIONS:
        kind, dimensions = projection.split()
        if kind == "auto-encoder" and name != "MNIST":
            continue
        small = smaller(kind, int(dimensions), reference)
        for candidates in CANDIDATES:
            found = against(exact, timed(Reranked(reference, small, candidates=candidates), x))
            table.append({"projection": kind, "dimensions": int(dimensions), "candidates": candidates, **found})
    return {"rows": table}, {}


def smaller(kind: str, dimensions: int, reference: torch.Tensor) -> torch.Tensor | Callable:
    """The map to few dimensions."""
    if kind == "auto-encoder":
        model = latent_autoencoder("mended", latent=dimensions)
        return lambda rows: model.encode(rows.unflatten(1, (1, 28, 28)))
    if kind == "random":
        return random_projection(reference.shape[1], dimensions)
    return principal_projection(reference, dimensions)


class Small:
    """The nearest in few dimensions, not ranked again."""

    def __init__(self, reference: torch.Tensor, *, small: torch.Tensor) -> None:
        self.small, self.search = small, Neighbours(reference @ small)

    def query(self, x: torch.Tensor, *, k: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        return self.search.query(x @ self.small, k=k)


def imle(way: str) -> Part:
    """An IMLE trained by one way to search: its exact cost on test digits, that way's recall, and the measures."""
    images, held = split()[0], data.mnist("test").images
    small = principal_projection(images[:5000].flatten(1), 40)
    search = {
        "exact": Neighbours,
        "graph": partial(Neighbours, method="graph", effort=16),
        "thin graph": partial(Neighbours, method="graph", links=2, effort=1),
        "PCA 40 without ranking": partial(Small, small=small),
        "re-ranked": partial(Reranked, small=small, candidates=16),
    }[way]
    model, begin = IMLE().initialise(images[:1000]), time.process_time()
    train_imle(
        model, images, latent=10, steps=STEPS, pool=POOL, lr=cosine(2e-3, STEPS, warmup=50), jitter=0.05, search=search
    )
    seconds = time.process_time() - begin
    x = held[:1000].flatten(1)
    with torch.no_grad():
        samples = model.eval()(normal_codes(POOL, 10, seed=1)).flatten(1)
    distances, places = Neighbours(samples).query(x)
    recall = neighbour_recall(search(samples).query(x)[1], places)
    judge = Judge(digit_classifier(), images, held[:2000])
    found = {"seconds": seconds, "recall_1": recall, "match": float(distances.square().mean() / 784)}
    return found | judge.samples(model.sample(2000, seed=0)), {}


def main() -> None:
    """Measure what is not measured yet, and write the record."""
    recall, contrast = [], []
    for name in [*(f"normal {dimensions}" for dimensions in DIMENSIONS), "MNIST"]:
        part = PARTS.get(f"recall {name}", lambda _, name=name: recalls(name))[0]
        known = {"data": name.split()[0], "dimensions": 784 if name == "MNIST" else int(name.split()[1])}
        recall += [known | row for row in part["rows"]]
        contrast.append(known | {key: part[key] for key in ("contrast", "milliseconds_exact")})
    remedy = []
    for name in ("normal 784", "MNIST"):
        part = PARTS.get(f"remedy {name}", lambda _, name=name: remedies(name))[0]
        remedy += [{"data": name.split()[0], **row} for row in part["rows"]]
    trained = [{"search": way, **PARTS.get(f"imle {way}", lambda _, way=way: imle(way))[0]} for way in WAYS]
    worst = min(row["recall_1"] for row in recall if row["data"] == "normal" and row["effort"] == 64)
    save_record(
        "approximate_neighbours",
        rounded(
            {"settings": SETTINGS, "recall": recall, "contrast": contrast, "remedy": remedy, "imle": trained},
        ),
        command="make records NAME=approximate_neighbours",
        data="normal numbers; MNIST: 50,000 training digits, 2,000 test digits",
        licence=LICENCE,
        seeds=[0],
        metric=f"recall at 1 of a graph in 784 dimensions with 64 candidates, normal numbers: {worst:.2f}",
    )
