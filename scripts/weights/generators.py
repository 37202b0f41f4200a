"""The generators of chapter 13: VAE, GLO, IMLE, GLANN and a flow, each at settings that suit it. Needs MNIST.

All learn from the first 50,000 training digits. What draws the samples has 0.24 million parameters, the flow's 0.18.
The auto-encoder beside them is in latent_autoencoders. IMLE searches in the digits' first principal components and
ranks candidates exactly, since the pool it needs is large.
"""

from __future__ import annotations

import time
from functools import partial

import torch

from deeprestore_lab import data
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.generators import (
    GLANN,
    GLO,
    Reranked,
    bits_per_dimension,
    principal_projection,
    train,
    train_glann,
    train_glo,
    train_imle,
)
from deeprestore_lab.generators.shipped_models import CODES, untrained
from deeprestore_lab.networks.digit_classifier import digit_classifier
from deeprestore_lab.training import cosine
from scripts.making.digits.measures import LICENCE, Judge, split, spread
from scripts.making.resumable import Parts

STEPS = {"VAE": 4000, "GLO": 5000, "GLANN": 2000, "IMLE": 2000, "flow": 5000}
BATCH = {"VAE": 128, "GLO": 128, "GLANN": 128, "IMLE": 128, "flow": 64}
RATES = {"VAE": 2e-3, "GLO": 3e-3, "GLANN": 2e-3, "IMLE": 2e-3, "flow": 2e-3}
POOL, COMPONENTS, CANDIDATES, JITTER = 16384, 40, 32, 0.05
IMPLICIT = {"pool": POOL, "components": COMPONENTS, "candidates": CANDIDATES, "jitter": JITTER}
PARTS = {
    kind: Parts(
        f"generators_{kind}",
        {"steps": STEPS[kind], "batch": BATCH[kind], "lr": RATES[kind], "seed": 0}
        | (IMPLICIT if kind in ("GLANN", "IMLE") else {}),
    )
    for kind in STEPS
}


def trained(kind: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The weights of one kind, and the seconds of its training."""
    images, begin = split()[0], time.perf_counter()
    usual = {"steps": STEPS[kind], "batch": BATCH[kind], "lr": cosine(RATES[kind], STEPS[kind], warmup=50)}
    if kind == "GLO":
        model = GLO(images)
        train_glo(model, images, checkpoint=PARTS[kind].checkpoint(kind), **usual)
    elif kind == "GLANN":
        glo = GLO(images, start="random")
        glo.load_state_dict({name: w.float() for name, w in PARTS["GLO"].get("GLO", trained)[1].items()})
        model = GLANN(glo)
        train_glann(model, pool=POOL, **usual)
    elif kind == "IMLE":
        model = untrained(kind).initialise(images)
        search = partial(
            Reranked, small=principal_projection(images[:10_000].flatten(1), COMPONENTS), candidates=CANDIDATES
        )
        train_imle(
            model,
            images,
            latent=model.latent,
            pool=POOL,
            jitter=JITTER,
            search=search,
            checkpoint=PARTS[kind].checkpoint(kind),
            **usual,
        )
    else:
        model = untrained(kind)
        first = images[:1000]
        model.initialise(first if kind == "VAE" else spread(first))
        model.to(memory_format=torch.channels_last)  # a third faster
        train(model, images, levels=256, checkpoint=PARTS[kind].checkpoint(kind), **usual)
    weights = {name: w for name, w in model.state_dict().items() if not name.startswith("glo.")}
    return {"seconds": time.perf_counter() - begin}, weights


def main() -> None:
    """Train what is not trained yet, measure the weights as shipped on the test digits, and write all."""
    judge = Judge(digit_classifier(), split()[0], data.mnist("test").images)
    x = spread(judge.real[:1000])
    shipped, reached, glo = {}, [], None
    for kind in STEPS:
        weights = PARTS[kind].get(kind, trained)[1]
        if kind == "GLO":
            weights["codes"] = weights["codes"][:CODES]
        weights = {name: w.half() for name, w in weights.items()}
        model = GLANN(glo) if kind == "GLANN" else untrained(kind)
        model.load_state_dict({name: w.float() for name, w in weights.items()}, strict=kind != "GLANN")
        glo = model if kind == "GLO" else glo
        found = judge.samples(model.eval().sample(len(judge.real), seed=0).clamp(0, 1))
        text = f"{kind} {100 * found['holes_features']:.0f} and {100 * found['coverage']:.0f} %"
        if kind in ("VAE", "flow"):
            log_density = model.log_density if kind == "flow" else partial(model.log_density, samples=20)
            with torch.no_grad():
                text += f" ({float(bits_per_dimension(log_density(x), 784).mean()):.2f} bits per dimension)"
        print(text, {name: float(f"{value:.3g}") for name, value in found.items()}, flush=True)
        reached.append(text)
        shipped |= {f"{kind}.{name}": w for name, w in weights.items()}
    save_weights(
        "generators",
        shipped,
        command="make weights NAME=generators",
        data="MNIST, the first 50,000 training digits",
        licence=LICENCE,
        seeds=[0],
        metric=f"of 5,000 samples, holes in features and coverage of test digits: {', '.join(reached)}",
    )
