"""What the priors say of maps: natural, blurred, shuffled, of a pre-image without a prior; and of the pictures."""

from __future__ import annotations

import torch

from deeprestore_lab import images, minimise
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.measures.feature_statistics import separation
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators import Blur
from deeprestore_lab.signal.kernels import gaussian_kernel
from deeprestore_lab.training.map_priors import fit_map_priors
from scripts.making.feature_maps import network, photographs

LEARNT, TESTED, LARGE, SIDE, STEPS, BLURRED = 60, 10, 96, 48, (40, 200), 1.0
SPREADS = {  # where the pre-image is from, seed: the layers whose maps are looked at
    "vgg_mini/relu3_3/0": ["relu1_2", "relu2_2", "relu3_3"],
    "vgg_mini/relu3_3/1": ["relu1_2", "relu2_2", "relu3_3"],
    "vgg_mini/mini4_3/0": ["relu1_2", "relu2_2", "relu3_3"],
    "squeezenet1_1/fire5/0": ["relu1"],
    "vgg16/relu3_3/0": ["relu1_2", "relu2_2", "relu3_3"],
}
SPREAD_SETTINGS = {
    "spreads": SPREADS,
    "sizes": [LEARNT, TESTED, LARGE, SIDE],
    "steps": list(STEPS),
    "blur": BLURRED,
}


def found_preimages(phi, x: torch.Tensor, seed: int) -> dict[str, torch.Tensor]:
    """Pictures with the representation of x and no prior, after each number of steps."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        energy = RepresentationError(phi, phi(x))
    start = 0.5 + 0.1 * torch.randn(x.shape, generator=generator)
    settings = {"solver": "lbfgs", "tolerance": 0.0, "snapshots": False, "progress": False}
    return {f"pre-image, {steps} steps": minimise(energy, start, steps=steps, **settings).x for steps in STEPS}


def spread(key: str) -> tuple[dict, dict]:
    """All priors at one network's layers, "NETWORK/LAYER/SEED"."""
    name, layer, seed = key.split("/")
    seed, own = int(seed), network(name)
    everything = photographs(2)
    x = torch.cat([images.crop(y, SIDE) for y in everything[-TESTED:]])
    learnt = torch.cat([images.crop(y, LARGE) for y in everything[:LEARNT]])
    blur = Blur(gaussian_kernel(BLURRED), border="reflect")
    pictures = {"natural": x, "blurred": blur(x)} | found_preimages(own.at(layer), x, seed)
    last = pictures[f"pre-image, {STEPS[-1]} steps"]
    with torch.no_grad():
        error = RepresentationError(own.at(layer), own.at(layer)(x))(last)
    numbers = {"psnr": float(psnr(last, x).mean()), "error": float(error.mean()), "layers": {}}
    for at in ("picture", *SPREADS[key]):
        with torch.no_grad():
            maps = {what: y if at == "picture" else own.features(y, [at])[at] for what, y in pictures.items()}
            many = learnt if at == "picture" else own.features(learnt, [at])[at]
            f = maps["natural"]
            order = torch.randperm(f.shape[2] * f.shape[3], generator=torch.Generator().manual_seed(seed))
            maps |= {"map blurred": blur(f), "map shuffled": f.flatten(2)[..., order].view_as(f)}
        priors = fit_map_priors(many, seed=seed)
        energies = {what: priors.energies(f) for what, f in maps.items()}
        numbers["layers"][at] = {
            prior: {
                "natural": [float(natural.mean()), float(natural.log().std())],
                **{what: list(separation(natural, energies[what][prior])) for what in maps if what != "natural"},
            }
            for prior, natural in energies["natural"].items()
        }
    return numbers, {}
