"""The loop of every sampler, and its trace."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole, describe
from deeprestore_lab.sampling.sampler import Sampler

OWN_STREAM = 0x9E3779B97F4A7C15  # so that a start drawn with the same seed is not the first noise again


@dataclass
class Draws:
    """What `draw` returns: the pictures, and the way there. T counts what was kept, N the batch."""

    x: torch.Tensor  # (N, C, H, W), the draws
    sampler: str
    evaluations: int  # of the mean or the score, for one picture
    seconds: float
    levels: list[float]  # the noise left after each step
    snapshots: dict[int, torch.Tensor] = field(default_factory=dict)  # steps taken -> (N, C, H, W)
    kept: torch.Tensor | None = None  # (T, N, C, H, W), the last states of a chain, where they were asked for
    accepted: torch.Tensor | None = None  # (N,), the share of proposals that a Metropolis test let pass

    def __repr__(self) -> str:
        return f"Draws({self.sampler}: {len(self.x)} pictures, {self.evaluations} evaluations, {self.seconds:.2f} s)"


@torch.no_grad()
def draw(
    sampler: Sampler,
    start: torch.Tensor,
    *,
    seed: int,
    snapshots: Sequence[int] = (),
    keep: int = 0,
    callback: Callable[[int, torch.Tensor], object] | None = None,
) -> Draws:
    r"""Run `sampler` from the pictures `start` `(N, C, H, W)`, with random numbers of `seed`.

    They are not those of `torch.Generator().manual_seed(seed)`: start and run may have the same seed and stay
    independent.
    `snapshots` names numbers of steps after which the pictures are kept (0: the start); `keep` the last states of a
    chain that walks at one level, of which each is a draw. `callback(k, x)` sees the pictures after k steps. The
    pictures share one stream of random numbers: one alone is not drawn as in a batch, but for samplers that draw none
    (Euler, Heun). Raises `ValueError` for what is no sampler, no pictures or no number of steps, where more states are
    to be kept than there are steps, and where values are not finite, naming the step. Taught in chapter 21_sampling.

    >>> from deeprestore_lab.sampling.reverse import Euler
    >>> draw(Euler(lambda y, sigma: 0 * y + 0.5, [2.0, 0.0]), torch.zeros(1, 1, 1, 1), seed=0).x.item()
    0.5
    """
    if not isinstance(sampler, Sampler):
        raise ValueError(f"sampler must be one of deeprestore_lab.sampling, got {describe(sampler)}")
    x = check_images(start, name="start").detach().clone()
    keep = check_whole(keep, name="keep", least=0, most=sampler.steps)
    if not isinstance(snapshots, Iterable) or not (callback is None or callable(callback)):
        raise ValueError(
            "snapshots must be numbers of steps and callback a function, "
            f"got {describe(snapshots)} and {describe(callback)}"
        )
    wanted = {check_whole(step, name="a snapshot", least=0, most=sampler.steps) for step in snapshots}
    generator = torch.Generator(x.device).manual_seed((check_seed(seed) + OWN_STREAM) % 2**64)

    def noise(like: torch.Tensor) -> torch.Tensor:
        return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)

    begin, shots, chain, levels = time.perf_counter(), {0: x.clone()} if 0 in wanted else {}, [], []
    for k in range(sampler.steps):
        x = sampler.step(k, x, noise)
        if not bool(torch.isfinite(x).all()):
            raise ValueError(f"{sampler.name}: step {k} gave values that are not finite; take smaller or more steps")
        levels.append(sampler.level(k))
        if k + 1 in wanted:
            shots[k + 1] = x.clone()
        if k >= sampler.steps - keep:
            chain.append(x.clone())
        if callback is not None:
            callback(k + 1, x.clone())
    return Draws(
        x,
        sampler.name,
        sampler.evaluations,
        time.perf_counter() - begin,
        levels,
        shots,
        torch.stack(chain) if chain else None,
        getattr(sampler, "accepted", None),
    )
