"""Training a bounded auto-encoder: the error of the reconstruction, and analytic terms that fill the cube."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import mse_loss

from deeprestore_lab.core.checks import check_images, check_weight, check_whole, describe
from deeprestore_lab.core.machine import fast_autocast
from deeprestore_lab.measures import discrepancies
from deeprestore_lab.networks.bounded_autoencoder import BoundedAutoEncoder
from deeprestore_lab.training import step_generator

DIRECTIONS = 64
BANK, REFRESH = 6000, 40  # images whose codes are known, and the steps after which they are drawn and encoded anew


@dataclass(frozen=True)
class Matching:
    r"""The weights of what is added to the mean square of D(E(x)) - x, over a batch x of data and u of the cube.

    sliced_wasserstein, maximum_mean_discrepancy, energy_distance, moments: of the codes E(x) to u; the first times d,
        so that it estimates a squared distance in the cube; MMD with bandwidths of 1/4, 1/2 and 1 times sqrt(d / 6),
        the root mean square distance of two points of the cube; `moments` to those of the cube in closed form.
    cycle: mean square of E(D(u)) - u.
    neighbour: mean square of D(u) - x_j, where x_j is that of the data whose image is nearest to D(u) among the
        `candidates` whose codes are nearest to u, out of a bank of 6000. With 1 candidate the cube is cut into the
        Voronoi cells of the codes, and D is drawn to one image in each; with the whole bank it is the reverse
        Chamfer distance.
    noise: D gets E(x) + noise * (v - 1/2), v uniform in the cube, held in the cube.

    All zero is naive training. Raises `ValueError` for weights below zero and `candidates` not from 1 to 6000. Taught
    in chapter 12_latent_autoencoder.

    >>> Matching(sliced_wasserstein=0.05).terms
    ('sliced_wasserstein',)
    """

    sliced_wasserstein: float = 0.0
    maximum_mean_discrepancy: float = 0.0
    energy_distance: float = 0.0
    moments: float = 0.0
    cycle: float = 0.0
    neighbour: float = 0.0
    noise: float = 0.0
    candidates: int = 1

    def __post_init__(self) -> None:
        for field in fields(self)[:-1]:
            check_weight(getattr(self, field.name), name=field.name, single=True)
        if check_whole(self.candidates, name="candidates", least=1) > BANK:
            raise ValueError(f"candidates must be at most the {BANK} of the bank, got {self.candidates}")

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the terms that count."""
        return tuple(field.name for field in fields(self)[:-1] if getattr(self, field.name) > 0)


NAIVE = Matching()


class Batch(NamedTuple):
    """What a step looks at: images `(N, C, H, W)`, points of the cube `(N, d)`, directions `(d, K)`, noise `(N, d)`,
    and where a new bank begins the places of its images, else None."""

    x: torch.Tensor
    u: torch.Tensor
    directions: torch.Tensor
    noise: torch.Tensor
    bank: torch.Tensor | None


class MatchedTraining(nn.Module):
    r"""The loss of a `model` under a `matching`, as a module that gives a scalar for a `Batch`, for `training.fit`.

    `images` are the data, `(N, *model.shape)` in [0, 1]. `draw(step)` gives the batch of a step, from the seed and
    the step alone. The bank's codes are buffers, so that a checkpoint of the training holds them. With `mixed` the
    layers and their sigmoids run in bfloat16, so codes and decoded images carry its 8 bits; losses, and who is the
    nearest, are in float32.
    None, the default, does so where the machine computes in bfloat16 (`machine.has_bfloat16`).
    Raises `ValueError` for images of another shape. Taught in chapter 12_latent_autoencoder.
    """

    def __init__(
        self,
        model: BoundedAutoEncoder,
        images: torch.Tensor,
        *,
        matching: Matching = NAIVE,
        batch: int,
        seed: int,
        mixed: bool | None = None,
    ) -> None:
        super().__init__()
        if tuple(check_images(images, name="images").shape[1:]) != model.shape:
            raise ValueError(
                f"images must have the shape (N, {', '.join(map(str, model.shape))}), got {describe(images)}"
            )
        self.model, self.images, self.matching, self.seed = model, images, matching, seed
        self.mixed, self.rows, self.squares = mixed, None, None
        self.batch = check_whole(batch, name="batch", least=2)
        size = min(BANK, len(images))
        self.register_buffer("places", torch.zeros(size, dtype=torch.long))
        self.register_buffer("codes", torch.zeros(size, model.latent))

    def draw(self, step: int) -> Batch:
        """The batch of a step."""
        generator, latent = step_generator(self.seed, step), self.model.latent
        chosen = torch.randint(len(self.images), (self.batch,), generator=generator)
        u = torch.rand(self.batch, latent, generator=generator)
        directions = discrepancies.random_directions(latent, DIRECTIONS, generator=generator)
        noise = torch.rand(self.batch, latent, generator=generator) - 0.5
        new = bool(self.matching.neighbour) and step % REFRESH == 0
        bank = torch.randperm(len(self.images), generator=generator)[: len(self.places)] if new else None
        return Batch(self.images[chosen], u, directions, noise, bank)

    def forward(self, batch: Batch) -> torch.Tensor:
        weights = self.matching
        codes = self._encode(batch.x)
        seen = (codes + weights.noise * batch.noise).clamp(0, 1) if weights.noise else codes
        loss = mse_loss(self._decode(seen), batch.x)
        for name in weights.terms:
            if name in AGAINST_CUBE:
                loss = loss + getattr(weights, name) * AGAINST_CUBE[name](codes, batch)
        if weights.cycle or weights.neighbour:
            decoded = self._decode(batch.u)
            if weights.cycle:
                loss = loss + weights.cycle * mse_loss(self._encode(decoded), batch.u)
            if weights.neighbour:
                loss = loss + weights.neighbour * mse_loss(decoded, self._neighbours(decoded, batch))
        return loss

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        with fast_autocast(x.device, enabled=self.mixed):
            return self.model.encode(x).to(x)

    def _decode(self, u: torch.Tensor) -> torch.Tensor:
        with fast_autocast(u.device, enabled=self.mixed):
            return self.model.decode(u).to(u)

    @torch.no_grad()
    def _neighbours(self, decoded: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The image of the bank that each of the decoded points is drawn to."""
        if batch.bank is not None:
            self.places.copy_(batch.bank)
            self.codes.copy_(self._encode(self.images[batch.bank.to(self.images.device)].to(batch.x)))
        if batch.bank is not None or self.rows is None:
            self.rows = self.images[self.places.to(self.images.device)].flatten(1).to(batch.x)
            self.squares = self.rows.square().sum(1)
        count = min(self.matching.candidates, len(self.places))
        wanted = decoded.flatten(1)
        with fast_autocast(wanted.device, enabled=False):  # 8 bits do not tell which of two pictures alike is nearer
            if count == len(self.places):
                best = (self.squares - 2 * wanted @ self.rows.T).argmin(1)  # |r - w|^2 less |w|^2
            else:
                gaps = torch.addmm(self.codes.square().sum(1), batch.u, self.codes.T, alpha=-2)
                near = gaps.topk(count, largest=False).indices
                images = self.rows.index_select(0, near.flatten()).unflatten(0, near.shape)  # faster than rows[near]
                products = torch.bmm(images, wanted[:, :, None])[:, :, 0]  # (N, candidates)
                best = near.gather(1, (self.squares[near] - 2 * products).argmin(1, keepdim=True))[:, 0]
        return self.images[self.places[best].to(self.images.device)].to(decoded)


def _mmd(codes: torch.Tensor, batch: Batch) -> torch.Tensor:
    usual = (codes.shape[1] / 6) ** 0.5
    return discrepancies.maximum_mean_discrepancy(codes, batch.u, bandwidths=[usual / 4, usual / 2, usual])


def _sliced(codes: torch.Tensor, batch: Batch) -> torch.Tensor:
    return codes.shape[1] * discrepancies.sliced_wasserstein(codes, batch.u, directions=batch.directions)


AGAINST_CUBE: dict[str, Callable[[torch.Tensor, Batch], torch.Tensor]] = {
    "sliced_wasserstein": _sliced,
    "maximum_mean_discrepancy": _mmd,
    "energy_distance": lambda codes, batch: discrepancies.energy_distance(codes, batch.u),
    "moments": lambda codes, batch: discrepancies.moment_mismatch(codes),
}
