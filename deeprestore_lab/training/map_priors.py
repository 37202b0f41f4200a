"""The priors of the course on feature maps: made or fitted for the maps of one layer, or for pictures alike.

Taught in chapter 15_feature_statistics.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole, describe
from deeprestore_lab.measures.feature_statistics import spatial_covariance
from deeprestore_lab.operators.frames.threshold import cosine_frame
from deeprestore_lab.priors import AlphaNorm, FieldOfExperts, Tikhonov, TotalVariation
from deeprestore_lab.priors.experts import STUDENT
from deeprestore_lab.priors.tiled import tiles
from deeprestore_lab.training.score_matching import fit_field, learn_filters, whitening

LEAST = 1e-3  # of the largest deviation of a channel: what is below never varies
SHRUNK = 0.1  # maps have values far above 1; a field is fitted to them in a tenth of their unit
NOISE = 0.1  # level in units of a channel's deviation that the field is learned with
SIDE, TILE, PATCHES, RIDGE = 16, 8, 8000, 1e-3
OVERCOMPLETE, ROUNDS = 2, 300  # filters over dimensions of the vectors; steps of learning
Energies = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class MapPriors:
    """Priors of the maps of one layer by name; `energies(f)` gives `{name: (N,)}`, nats or units of each, a value.

    `mean` and `deviation` `(C, 1, 1)` are those of the channels that the maps were standardised by, `kept` `(C,)` says
    which channels vary.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    kept: torch.Tensor
    priors: dict[str, Energies]

    def standardised(self, f: torch.Tensor) -> torch.Tensor:
        """(f - mean) / deviation of the channels that vary. Raises `ValueError` for another number of channels."""
        if check_images(f, name="f").shape[1] != len(self.kept):
            raise ValueError(f"maps must have {len(self.kept)} channels, got {describe(f)}")
        return ((f - self.mean) / self.deviation)[:, self.kept]

    @torch.no_grad()
    def energies(self, f: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each prior's energy of maps `(N, C, H, W)`, over the number of their values."""
        z = self.standardised(f)
        return {name: energy(z) / z[0].numel() for name, energy in self.priors.items()}


def fit_map_priors(f: torch.Tensor, *, size: int = 5, seed: int = 0) -> MapPriors:
    r"""The priors that can work on the maps `f` `(N, C, H, W)` of one layer, standardised channel by channel.

    Made: "alpha-norm" (the sixth power of each value), "gradient" (Tikhonov), "total variation" (each channel by
    itself) and "cosine frame" (the l1 norm of undecimated cosines of size 4, but for the constant one). Fitted, each
    channel as a picture of its own: "Gaussian" (1/2 z^T C^-1 z of tiles of 8 x 8 with their covariance), "ICA"
    (overcomplete, at all patches) and "field of experts", filters of `size` x `size`. Fitted over the channels at one
    position: "Gaussian, channels" and "ICA, channels". Pictures `(N, 3, H, W)` are maps too. Raises `ValueError` for
    maps smaller than 16 x 16 and fewer than two of them. Differs from a prior of one's own on a representation
    (`prior @ phi`) in that it has no gradient here.
    """
    check_images(f, name="f"), check_seed(seed), check_whole(size, name="size", least=2, most=SIDE // 2)
    if len(f) < 2 or min(f.shape[2:]) < SIDE:
        raise ValueError(f"maps must be two or more of at least {SIDE} x {SIDE}, got {describe(f)}")
    f = f.detach()
    mean, deviation = f.mean((0, 2, 3))[:, None, None], f.std((0, 2, 3))[:, None, None]
    kept = (deviation > LEAST * deviation.max()).flatten()
    deviation = torch.where(kept[:, None, None], deviation, torch.ones_like(deviation))
    z = ((f - mean) / deviation)[:, kept]
    rows = z.flatten(0, 1)[:, None]  # each channel a picture of its own
    generator = torch.Generator().manual_seed(seed)
    priors = {
        "alpha-norm": AlphaNorm(mean=0.0, scale=1.0, colour="channel"),
        "gradient": Tikhonov("gradient"),
        "total variation": TotalVariation(colour="channel"),
        "cosine frame": _frame,
        "Gaussian": _gaussian_tiles(z),
        "ICA": _patch_ica(rows, size, generator, seed),
        "field of experts": _field(rows, size, generator, seed),
        "Gaussian, channels": _gaussian_channels(z),
        "ICA, channels": _channel_ica(z, generator, seed),
    }
    return MapPriors(mean, deviation, kept, priors)


def _frame(z: torch.Tensor) -> torch.Tensor:
    """The l1 norm of cosines of 4 x 4 at all places, the constant one left out."""
    frame = cosine_frame(4)
    answers = frame(z.flatten(0, 1)[:, None]).flatten(1, 2)  # (N C, 16, H, W)
    return answers[:, 1:].abs().flatten(1).sum(1).view(z.shape[:2]).sum(1)


def _by_channel(prior: Energies, scale: float) -> Energies:
    """A prior of grey pictures, summed over the channels."""
    return lambda z: prior(scale * z.flatten(0, 1)[:, None]).view(z.shape[:2]).sum(1)


def _field(rows: torch.Tensor, size: int, generator: torch.Generator, seed: int) -> Energies:
    chosen = torch.randperm(len(rows), generator=generator)[:400].tolist()
    pictures = [SHRUNK * rows[i : i + 1] for i in chosen]
    fit = fit_field(pictures, count=16, size=size, sigma=SHRUNK * NOISE, steps=ROUNDS, side=SIDE, seed=seed)
    return _by_channel(fit.field, SHRUNK)


def _drawn(rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return rows[torch.randperm(len(rows), generator=generator)[:PATCHES]]


def _patch_ica(rows: torch.Tensor, size: int, generator: torch.Generator, seed: int) -> Energies:
    """Experts on filters of patches less their mean; summed over all patches it is a field."""
    patches = _drawn(rows.unfold(2, size, 2).unfold(3, size, 2).reshape(-1, size**2), generator)
    patches = patches + NOISE * torch.randn(patches.shape, generator=generator)  # zeros of a ReLU are no density
    white = whitening(patches - patches.mean(1, keepdim=True))
    learnt = learn_filters(white.whiten(patches), OVERCOMPLETE * (size**2 - 1), steps=ROUNDS, seed=seed)
    filters = white.analysis(learnt.filters).reshape(-1, size, size)
    return _by_channel(FieldOfExperts(filters, learnt.weights, border="valid"), 1.0)


def _gaussian_tiles(z: torch.Tensor) -> Energies:
    covariance = spatial_covariance(tiles(z, TILE), centring="none")
    root = torch.linalg.cholesky(torch.linalg.inv(covariance + RIDGE * torch.eye(TILE**2))).to(z)

    def energy(z: torch.Tensor) -> torch.Tensor:
        return (tiles(z, TILE).flatten(2) @ root).square().sum((1, 2)).view(len(z), -1).sum(1) / 2

    return energy


def _at_positions(z: torch.Tensor) -> torch.Tensor:
    return z.movedim(1, 3).flatten(0, 2)  # (N H W, C)


def _gaussian_channels(z: torch.Tensor) -> Energies:
    covariance = _at_positions(z).double().T.cov().reshape(z.shape[1], z.shape[1])
    inverse = torch.linalg.inv(covariance + RIDGE * torch.eye(len(covariance)))
    root = torch.linalg.cholesky(inverse).to(z)
    return lambda z: (_at_positions(z) @ root).square().sum(1).view(len(z), -1).sum(1) / 2


def _channel_ica(z: torch.Tensor, generator: torch.Generator, seed: int) -> Energies:
    vectors = _drawn(_at_positions(z), generator)
    vectors = vectors + NOISE * torch.randn(vectors.shape, generator=generator)
    white = whitening(vectors)
    learnt = learn_filters(white.whiten(vectors), OVERCOMPLETE * z.shape[1], steps=ROUNDS, seed=seed)

    def energy(z: torch.Tensor) -> torch.Tensor:
        responses = white.whiten(_at_positions(z)) @ learnt.filters.mT
        return (STUDENT.potential(responses) @ learnt.weights).view(len(z), -1).sum(1)

    return energy
