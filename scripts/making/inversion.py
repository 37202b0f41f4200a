"""What the records of inversion share: pictures, starts, and priors whose value is 1 on a natural picture."""

from __future__ import annotations

from functools import cache

import torch

from deeprestore_lab import data, images
from deeprestore_lab.energies import Energy
from deeprestore_lab.images.named_photographs import TRAINING_PHOTOGRAPHS
from deeprestore_lab.priors import AlphaNorm, FieldOfExperts, PoweredVariation, RidgeFamily, TotalVariation
from deeprestore_lab.priors.opponent import ByOpponent
from deeprestore_lab.training.score_matching import learn_filters, patch_vectors, whitening
from scripts.making.recorded import START, TYPICAL_STEP

SIZE = 48
TUNED_ON = ("astronaut", "chelsea", "hubble")  # free ones, held out from all that was trained
SET14 = ("comic", "flowers", "monarch", "pepper", "zebra")  # judged on these and on Set5
RIDGE_LEVEL = 15 / 255
ICA = {"size": 8, "filters": 128, "patches": 6000, "steps": 300}
PRIORS = ("total variation", "variation and alpha-norm", "field of experts", "ridge regulariser", "overcomplete ICA")


def tuning_pictures(size: int = SIZE) -> torch.Tensor:
    return images.photographs(TUNED_ON, size=size)


@cache
def judged_pictures(size: int = SIZE) -> torch.Tensor:
    """Ten of Set5 and Set14, `(10, 3, size, size)`: their middle squares, made smaller."""
    set14 = data.test_set("set14")
    chosen = [*data.test_set("set5").values(), *(set14[name] for name in SET14)]
    return torch.cat([squared(x, size) for x in chosen])


@cache
def natural_pictures(count: int = 40, size: int = SIZE) -> torch.Tensor:
    """Training pictures of BSDS, their middle squares, made smaller: what a prior's unit is taken from."""
    chosen = list(data.bsds_training(shrink=1).values())[:: 200 // count]
    return torch.cat([squared(x, size) for x in chosen])


def squared(x: torch.Tensor, size: int) -> torch.Tensor:
    side = min(x.shape[2:])
    top, left = ((n - side) // 2 for n in x.shape[2:])
    return images.resize(x[..., top : top + side, left : left + side], (size, size)).clamp(0, 1)


def noise_start(count: int, *, seed: int, size: int = SIZE) -> torch.Tensor:
    """Grey with noise, another for each picture."""
    draw = torch.Generator().manual_seed(seed)
    return 0.5 + START * torch.randn(count, 3, size, size, generator=draw)


@cache
def ica_field() -> FieldOfExperts:
    """Overcomplete ICA of 8 x 8 patches, its energy added up over all patches of a picture."""
    photographs = [images.photograph(name) for name in TRAINING_PHOTOGRAPHS]
    patches = patch_vectors(photographs, size=ICA["size"], count=ICA["patches"], seed=0)
    white = whitening(patches)
    learnt = learn_filters(white.whiten(patches), ICA["filters"], steps=ICA["steps"])
    bank = white.analysis(learnt.filters).reshape(-1, ICA["size"], ICA["size"])
    return FieldOfExperts(bank, learnt.weights)


def raw_prior(name: str) -> Energy:
    """A prior in units of its own."""
    return {
        "total variation": lambda: TotalVariation(smoothing=0.01),
        "variation and alpha-norm": lambda: AlphaNorm() + PoweredVariation(scale=TYPICAL_STEP),
        "field of experts": FieldOfExperts.trained,
        "ridge regulariser": lambda: ByOpponent(RidgeFamily.trained().at(RIDGE_LEVEL)),
        "overcomplete ICA": ica_field,
    }[name]()


@cache
def unit(name: str, size: int = SIZE) -> float:
    """The mean of a prior over natural pictures of this size."""
    with torch.no_grad():
        return float(raw_prior(name)(natural_pictures(size=size)).mean())


@cache
def prior(name: str, size: int = SIZE) -> Energy:
    """A prior with a mean of 1 on natural pictures."""
    return raw_prior(name) / unit(name, size)
