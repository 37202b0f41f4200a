"""Pre-images with priors on maps: the priors of a layer learned, weights tuned by a rule that is the same for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from deeprestore_lab import images, minimise
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.energies import Energy, RepresentationError
from deeprestore_lab.generators import VariationalAutoEncoder, train
from deeprestore_lab.inverse_networks import inverse_network
from deeprestore_lab.measures.feature_statistics import patch_rows
from deeprestore_lab.networks import leaky_layers
from deeprestore_lab.operators import ChannelScale, Identity
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import DenoiserEnergy, FieldOfExperts, LogRatio, MapField, Tiled, TotalVariation
from deeprestore_lab.priors.ridge_family import RidgeFamily
from deeprestore_lab.training import fit_log_ratio, fit_map_denoiser
from deeprestore_lab.training.score_matching import fit_map_field
from scripts.making.feature_maps import network, photographs
from scripts.making.translated_start import translated_start

SIDE, TARGET, LEARNT = 48, "relu3_3", 80  # of the pictures; the layer that is inverted; photographs learned from
MINI, SIDES = "vgg_mini", {"vgg_mini": SIDE, "vgg16": 36}  # a larger network, smaller pictures
TUNED, TESTED = 3, 10  # photographs that weights are chosen on, and that are reported
START, SMOOTHING = 0.02, 0.01  # noise on the inverse network's answer, where searches start; of total variation
LEVELS, FIELD_LEVEL, WINDOW, LATENT = (0.1, 0.3, 1.0), 0.3, 6, 16
LAYERS = ["picture", "relu1_2", "relu2_2", "relu3_3"]
KINDS = [
    "log ratio",
    "pre-image denoiser, score",
    "denoiser, score",
    "Gaussian",
    "field of experts",
    "pre-image denoiser",
    "denoiser",
    "VAE",
]
LONGER = "log ratio, longer"  # three times the steps, twice the width, a tenth of the penalty, pre-images alone
ROUNDS = 3  # in which a denoiser gives a new target
NET_STEPS, FIELD_STEPS, BOUND_STEPS = 200, 200, 600


def phi(name: str = MINI):
    """The operator that is inverted."""
    return network(name).at(TARGET)


def crops(places: slice, name: str = MINI) -> torch.Tensor:
    """The middle of these photographs."""
    return torch.cat([images.crop(y, SIDES[name]) for y in photographs(2)[places]])


@cache
def sets(name: str = MINI) -> dict[str, torch.Tensor]:
    """Pictures to learn from, to tune on and to report, all of different photographs."""
    return {
        "learnt": crops(slice(0, LEARNT), name),
        "tuned": crops(slice(150, 150 + TUNED), name),
        "tested": crops(slice(-TESTED, None), name),
    }


@torch.no_grad()
def start(x: torch.Tensor, *, seed: int, warm: bool = True, name: str = MINI) -> torch.Tensor:
    """The inverse network's answer, of a translated map for other networks, with a little noise; or grey with some."""
    draw = torch.Generator().manual_seed(seed)
    noise = START * torch.randn(x.shape, generator=draw)
    if not warm:
        return (0.5 + noise).clamp(0, 1)
    own = name == MINI
    answer = inverse_network(TARGET)(phi()(x), x.shape[2:]) if own else translated_start(f"{name}/{TARGET}", x)
    return (answer + noise).clamp(0, 1)


@dataclass(frozen=True)
class Steered:
    """A denoiser of maps as a score: weight / n ||z - D(z)||^2 with D(z) held fixed for a while, z = seen(x)."""

    seen: Callable[[torch.Tensor], torch.Tensor]
    model: Callable[[torch.Tensor], torch.Tensor]

    @torch.no_grad()
    def towards(self, x: torch.Tensor) -> Energy:
        """The term whose gradient at x is the score's, over the number n of values of a map."""
        return RepresentationError(self.seen, self.model(self.seen(x)), normaliser="values")


def solve(
    x: torch.Tensor,
    terms: list[tuple[float | torch.Tensor, Energy | Steered]],
    begin: torch.Tensor,
    *,
    steps: int,
    name: str = MINI,
) -> torch.Tensor:
    """The pre-images of phi(x) under weighted terms; with a score `ROUNDS` times a part of the steps."""
    with torch.no_grad():
        data = RepresentationError(phi(name), phi(name)(x))
    settings = {"solver": "lbfgs", "tolerance": 0.0, "snapshots": False, "progress": False}
    rounds = ROUNDS if any(isinstance(term, Steered) for _, term in terms) else 1
    for _ in range(rounds):
        placed = [(w, term.towards(begin) if isinstance(term, Steered) else term) for w, term in terms]
        energy = sum((w * term for w, term in placed), start=data)
        begin = minimise(energy, Pixels(begin, bounds=(0, 1)), steps=steps // rounds, **settings).x
    return begin


def image_priors(network: str = MINI) -> dict[str, Energy]:
    """The priors of pictures, each in units of its mean on the natural pictures learned from."""
    own = {
        "total variation": TotalVariation(smoothing=SMOOTHING),
        "field of experts": FieldOfExperts.trained(),
        "ridge regulariser": RidgeFamily.trained().at(15 / 255).detached(),
    }
    return {name: unit(prior, sets(network)["learnt"]) for name, prior in own.items()}


@torch.no_grad()
def unit(prior: Energy, natural: torch.Tensor) -> Energy:
    """The prior over its mean absolute value on natural pictures: weights of different ones can then share a grid."""
    return prior / float(prior(natural).abs().mean())


@torch.no_grad()
def maps(x: torch.Tensor, layer: str, name: str = MINI) -> torch.Tensor:
    """The maps of pictures, 40 at a time; of "picture" the pictures."""
    return x if layer == "picture" else torch.cat([network(name).at(layer)(part) for part in x.split(40)])


def learn(kind: str, layer: str, pool: list[torch.Tensor], *, seed: int = 0, name: str = MINI) -> Energy | Steered:
    """A prior of that kind on the maps of that layer, as an energy of pictures, in units of its natural mean.

    `pool` are pre-images of the pictures to learn from, which two of the kinds are shown.
    """
    x = sets(name)["learnt"]
    f = maps(x, layer, name)
    scale = ChannelScale.of(f)
    z, worse = scale(f), [scale(maps(own, layer, name)) for own in pool]
    count = z.shape[1]
    width = max(16, count // 2)
    net = {"steps": NET_STEPS, "width": width, "flips": True, "seed": seed}  # turned maps too: so the record was made
    if kind == "Gaussian":
        rows = patch_rows(z, 3, every=2)
        covariance = rows.T.cov().double() + FIELD_LEVEL**2 * torch.eye(rows.shape[1]).double()
        prior = MapField.gaussian(covariance, size=3, weight=1 / 9)
    elif kind == "field of experts":
        prior = fit_map_field(z, count=min(64, max(24, 2 * count)), sigma=FIELD_LEVEL, steps=FIELD_STEPS, seed=seed)
    elif kind.removesuffix(", score") == "denoiser":
        prior = DenoiserEnergy(fit_map_denoiser(z, levels=LEVELS, **net))
    elif kind.removesuffix(", score") == "pre-image denoiser":
        fitted = fit_map_denoiser(z, levels=LEVELS[:1], damaged=worse, **net)
        prior = DenoiserEnergy(fitted)
    elif kind == LONGER:
        fitted = fit_log_ratio(z, worse[:2], steps=3 * NET_STEPS, width=2 * width, penalty=0.1, seed=seed)
        prior = LogRatio(fitted)
    elif kind == "log ratio":
        prior = LogRatio(fit_log_ratio(z, worse, steps=NET_STEPS, width=width, seed=seed))
    else:
        prior = Tiled(_bound(z, seed), side=WINDOW)
    at = Identity() if layer == "picture" else network(name).at(layer)
    if kind.endswith("score"):
        return Steered(lambda x: scale(at(x)), prior.model)
    return unit(prior @ scale @ at, x)


def _bound(z: torch.Tensor, seed: int):
    """Minus the bound of a small VAE of windows, with the code at its mean."""
    windows = patch_rows(z, WINDOW, every=WINDOW // 2).view(-1, z.shape[1], WINDOW, WINDOW)
    values = windows[0].numel()
    with seeded(seed):
        encoder = nn.Sequential(nn.Flatten(), leaky_layers([values, 128, 2 * LATENT]))
        decoder = nn.Sequential(leaky_layers([LATENT, 128, values]), nn.Unflatten(1, tuple(windows.shape[1:])))
    model = VariationalAutoEncoder(latent=LATENT, shape=tuple(windows.shape[1:]), encoder=encoder, decoder=decoder)
    train(model, windows, steps=BOUND_STEPS, batch=64, seed=seed, progress=False)
    model.eval().requires_grad_(False)
    return lambda own: -model.bound(own, torch.zeros(len(own), LATENT))
