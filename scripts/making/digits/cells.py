"""One cell of the record generator_grid: a generator of one size trained on so many digits, and its measures.

It stands in a file of its own so that the processes of a sweep can import it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache, partial

import torch
from torch import nn

from deeprestore_lab import data, generators
from deeprestore_lab.generators.code_matching import MatchedTraining
from deeprestore_lab.generators.shipped_models import digit_flow
from deeprestore_lab.measures.discrepancies import nearest
from deeprestore_lab.networks.digit_classifier import digit_classifier
from deeprestore_lab.training import cosine, fit
from scripts.making.digits.measures import Judge, split, spread

TRAINED = ("auto-encoder", "VAE", "GLO", "IMLE", "flow")
WIDTHS = {"small": (64, 32), "middle": (256, 128), "large": (512, 256)}
FLOWS = {"small": 48, "middle": 128, "large": 192}  # widths of a coupling's network, four steps
IMAGES = (500, 5_000, 50_000)
STEPS, BATCH, RATE = 500, 128, 2e-3
FLOW_STEPS, FLOW_BATCH = 160, 64  # a flow's step costs ten times as much
POOL, COMPONENTS, CANDIDATES = 4096, 40, 16
DRAWN, HELD, NEAR = 1000, 1000, 500  # samples, test digits, and how many of each where a distance is taken
SETTINGS = {"steps": STEPS, "batch": BATCH, "lr": RATE, "flow_steps": FLOW_STEPS, "flow_batch": FLOW_BATCH}
SETTINGS |= {"pool": POOL, "samples": DRAWN, "held_out": HELD, "latent": 10}


@cache
def judge() -> Judge:
    """The measures, against 1,000 test digits."""
    return Judge(digit_classifier(), split()[0], data.mnist("test").images[:HELD])


def cell(point: dict) -> dict:
    """The measures of one `point`, with "kind", "size", "images" and "seed", as {"cells": [...]}.

    A GLO gives two cells, since the GLANN stands on it.
    """
    torch.set_num_threads(1)
    images, cells = split()[0][: point["images"]], []
    for kind, model, seconds in trained(point["kind"], images, size=point["size"], seed=point["seed"]):
        cells.append({**point, "kind": kind, "seconds": seconds, **measured(model, images, point["seed"])})
        cells[-1]["widths"] = [FLOWS[point["size"]]] if kind == "flow" else list(WIDTHS[point["size"]])
    return {"cells": cells}


def trained(kind: str, images: torch.Tensor, *, size: str, seed: int) -> Iterator[tuple[str, nn.Module, float]]:
    """The kind, a generator that was trained for the number of steps that all have (the flow: its own), and seconds."""
    usual = {"steps": STEPS, "batch": BATCH, "lr": cosine(RATE, STEPS, warmup=50), "seed": seed, "progress": False}
    widths, first, begin = WIDTHS[size], images[:1000], time.process_time()
    if kind == "auto-encoder":
        model = generators.AutoEncoder(widths=widths, seed=seed).initialise(first)
        training = MatchedTraining(model, images, matching=generators.MENDED, batch=BATCH, seed=seed)
        fit(training, training.draw, steps=STEPS, objective=training, lr=usual["lr"], progress=False)
    elif kind == "VAE":
        model = generators.VariationalAutoEncoder(widths=widths, seed=seed).initialise(first)
        generators.train(model, images, levels=256, **usual)
    elif kind == "GLO":
        model = generators.GLO(images, widths=widths, seed=seed)
        generators.train_glo(model, images, **usual)
        yield kind, model.eval(), time.process_time() - begin
        kind, model = "GLANN", generators.GLANN(model, seed=seed)
        generators.train_glann(model, pool=POOL, **usual)
    elif kind == "IMLE":
        model = generators.IMLE(widths=widths, seed=seed).initialise(first)
        search = partial(generators.Reranked, small=components(), candidates=CANDIDATES)
        generators.train_imle(model, images, latent=model.latent, pool=POOL, jitter=0.05, search=search, **usual)
    else:
        model = digit_flow(width=FLOWS[size], seed=seed)
        model.initialise(spread(first)).to(memory_format=torch.channels_last)
        usual |= {"steps": FLOW_STEPS, "batch": FLOW_BATCH, "lr": cosine(RATE, FLOW_STEPS, warmup=20)}
        generators.train(model, images, levels=256, **usual)
    yield kind, model.eval(), time.process_time() - begin


def measured(model: nn.Module, images: torch.Tensor, seed: int) -> dict:
    """What is known of a generator that learnt from `images`. Distances are root mean squares over pixels."""
    drawn, held, count = model.sample(DRAWN, seed=seed).clamp(0, 1), judge().real, min(len(images), 10_000)
    found = {"parameters": drawing(model), **judge().samples(drawn)}
    found["nearest_sample"] = _distance(held[:NEAR], drawn)  # from a test digit: what is missing
    found["nearest_training"] = _distance(drawn[:NEAR], images[:count])
    found["nearest_held_out"] = _distance(drawn[:NEAR], split()[1][:count])  # as many that it did not learn from
    if isinstance(model, generators.AutoEncoder | generators.VariationalAutoEncoder):
        with torch.no_grad():
            found["reconstruction"] = float((model(held) - held).square().mean())
    if isinstance(model, generators.VariationalAutoEncoder | generators.Flow):
        found |= {"bits": bits(model, held[:NEAR]), "bits_training": bits(model, images[:NEAR])}
    return found


@cache
def components() -> torch.Tensor:
    """The first principal components of 5,000 digits."""
    return generators.principal_projection(split()[0][:5000].flatten(1), COMPONENTS)


def drawing(model: nn.Module) -> int:
    """How many parameters a sample passes through; the codes of a GLO are data."""
    parts = {generators.AutoEncoder: ["decoder"], generators.VariationalAutoEncoder: ["decoder"]}
    parts |= {generators.GLO: ["decoder"], generators.GLANN: ["glo.decoder", "mapping"]}
    used = [model.get_submodule(name) for name in parts.get(type(model), [""])]
    return sum(parameter.numel() for part in used for parameter in part.parameters())


@torch.no_grad()
def bits(model: nn.Module, x: torch.Tensor) -> float:
    """Bits per dimension of dequantised images: a VAE's bound on them, its expectation by eight draws; a flow's own."""
    x, generator = spread(x), torch.Generator().manual_seed(1)
    if isinstance(model, generators.Flow):
        log_density = model.log_density(x)
    else:
        draws = [torch.randn(len(x), model.latent, generator=generator) for _ in range(8)]
        log_density = torch.stack([model.bound(x, noise) for noise in draws]).mean(0)
    return float(generators.bits_per_dimension(log_density, 784).mean())


def _distance(x: torch.Tensor, reference: torch.Tensor) -> float:
    """The root mean square over pixels of x less its nearest of the reference, over all x."""
    distances = nearest(x.flatten(1), reference.flatten(1))[0][:, 0]
    return float(distances.square().mean().div(x[0].numel()).sqrt())
