"""Restoration over the codes of a decoder, from several starts at once. Taught in chapter 12_latent_autoencoder."""

from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_seed, check_whole, describe
from deeprestore_lab.energies import Energy, WeightedSum
from deeprestore_lab.energies.base import weighted_terms
from deeprestore_lab.parametrisations.latent import Decode, Latent, check_codes
from deeprestore_lab.parametrisations.pixels import check_bounds
from deeprestore_lab.solve import minimise
from deeprestore_lab.solve.adam import Schedule
from deeprestore_lab.solve.trace import Trace
from deeprestore_lab.training.schedules import cosine

STEPS = 200
LR = 0.1  # of the range of a coordinate


@dataclass
class LatentRestoration:
    """What `restore_over_latent` returns: for each of N images the best of S starts."""

    x: torch.Tensor  # (N, C, H, W), D(codes)
    codes: torch.Tensor  # (N, d)
    energy: torch.Tensor  # (N,), the lowest of the column in `energies`
    start: torch.Tensor  # (N,), which start it came from; 0 is the guess, where there was one
    energies: torch.Tensor  # (S, N), where each start ended
    trace: Trace  # of all S N searches, start s of image n in row s N + n


def restore_over_latent(
    decode: Decode,
    energy: Energy,
    *,
    guess: torch.Tensor | None = None,
    starts: int | torch.Tensor = 5,
    bounds: tuple[float, float] | None = (0, 1),
    solver: str = "adam",
    steps: int | None = None,
    tolerance: float | None = None,
    lr: Schedule | None = None,
    seed: int = 0,
    reference: torch.Tensor | None = None,
    progress: bool | None = None,
) -> LatentRestoration:
    r"""x = D(u*) with u* the lowest of the minima of energy(D(u)) that searches from several starts end in.

    The energy of a code is not convex: where a search ends depends on where it began. All starts of all images are one
    batch of `minimise` with `parametrisations.Latent`, and the energy itself chooses among them, not the truth.

    - `decode`: D, from codes `(N, d)` to images `(N, C, H, W)`.
    - `energy`: any sum of terms for the N images, such as `GaussianLikelihood(A, y, sigma=sigma)`, weights `(N,)` too.
    - `guess`: codes `(N, d)` to start from first, such as `model.encode(y)`; None goes without.
    - `starts`: so many draws from the uniform law within `bounds` besides, the same ones for every image (so that an
      image alone gets the starts that it gets in a batch), by `seed`; or the starts themselves, `(S, N, d)`.
    - `bounds`: the range of every coordinate of u, held by projection; None leaves it free.
    - `solver`, `steps`, `tolerance`, `lr`, `progress`: as of `minimise`. Adam is the default, with 200 steps whose size
      falls from a tenth of the range along half a cosine: a decoder of leaky ReLUs has kinks, at which the line search
      of L-BFGS is long; the same energies took it three to ten times as long.
    - `reference`: the truth `(N, C, H, W)`, for PSNR in the trace; it plays no part in the choice.

    Raises `ValueError` where a number of draws has no guess to tell N and d, or no bounds; where shapes do not fit; and
    whatever `minimise` raises. Taught in chapter 12_latent_autoencoder.

    >>> from deeprestore_lab.energies import GaussianLikelihood
    >>> from deeprestore_lab.operators import Identity
    >>> def decode(u):  # from the left of 1/2 a search for a bright pixel ends at u = 0, where it is not as bright
    ...     return ((2 * u - 1).square() * (1 + u) / 2)[:, :, None, None]
    >>> data = GaussianLikelihood(Identity(), torch.ones(1, 1, 1, 1), sigma=0.1)
    >>> found = restore_over_latent(decode, data, starts=torch.tensor([[[0.2]], [[0.9]]]), progress=False)
    >>> found.energies.shape, found.start.tolist(), found.codes.tolist()
    (torch.Size([2, 1]), [1], [[1.0]])
    """
    codes = all_starts(guess, starts, bounds=check_bounds(bounds), seed=seed)
    count, images = codes.shape[:2]
    if isinstance(reference, torch.Tensor) and reference.shape[:1] == (images,):
        reference = torch.cat([reference] * count)  # `minimise` refuses what does not fit
    g = Latent(decode, codes.flatten(0, 1), bounds=bounds)
    if solver == "adam":
        steps = STEPS if steps is None else check_whole(steps, name="steps", least=0)
        low, high = bounds or (0, 1)
        lr = cosine(LR * (high - low), max(steps, 1)) if lr is None else lr
    settings = {"solver": solver, "steps": steps, "tolerance": tolerance, "lr": lr, "progress": progress}
    trace = minimise(at_every_start(energy, count), g, reference=reference, snapshots=False, **settings)
    energies = trace.energy[-1].unflatten(0, (count, images)).to(trace.x.device)
    lowest, start = energies.min(0)
    rows = start * images + torch.arange(images, device=start.device)
    return LatentRestoration(trace.x[rows], g.theta.detach()[rows], lowest, start, energies, trace)


def all_starts(
    guess: torch.Tensor | None, starts: int | torch.Tensor, *, bounds: tuple[float, float] | None, seed: int
) -> torch.Tensor:
    """The guess, then the starts given or drawn, `(S, N, d)`.

    Raises `ValueError` for codes of another shape, and where drawing starts lacks a guess or bounds.
    """
    if guess is not None:
        check_codes(guess, name="guess")
    if isinstance(starts, torch.Tensor):
        if starts.ndim != 3 or (guess is not None and starts.shape[1:] != guess.shape):
            shape = "(S, N, d)" if guess is None else f"(S, {guess.shape[0]}, {guess.shape[1]})"
            raise ValueError(f"starts must be a number of draws or codes {shape}, got {describe(starts)}")
        drawn = starts
    else:
        draws = check_whole(starts, name="starts", least=0)
        if guess is None or (draws and bounds is None):
            lacking = "a guess, which tells how many codes of which length" if guess is None else "bounds"
            raise ValueError(f"{draws} draws as starts need {lacking}; or give the starts themselves, (S, N, d)")
        generator = torch.Generator().manual_seed(check_seed(seed))
        low, high = bounds or (0.0, 1.0)
        drawn = low + (high - low) * torch.rand(draws, 1, guess.shape[1], generator=generator)
        drawn = drawn.expand(-1, guess.shape[0], -1).to(guess)
    return (drawn if guess is None else torch.cat([guess[None], drawn.to(guess)])).detach()


def at_every_start(energy: Energy, count: int) -> WeightedSum:
    """The energy of N images for a batch of `count` N, in which the N images come again and again."""
    terms = []
    for weight, term in weighted_terms(energy):
        several = isinstance(weight, torch.Tensor) and weight.numel() > 1
        terms.append((weight.repeat(count) if several else weight, _Repeated(term, count)))
    return WeightedSum(terms)


class _Repeated(Energy):
    """A term that holds the measurements of N images, for a batch that holds them several times."""

    def __init__(self, term: Energy, count: int) -> None:
        self.term, self.count = term, count

    @property
    def name(self) -> str:
        return self.term.name

    @property
    def smooth(self) -> bool:
        return self.term.smooth

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.term(own) for own in x.chunk(self.count)])
