"""Training small networks on feature maps: a denoiser of any damage, and a classifier of natural and other maps.

Taught in chapter 19_feature_map_priors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import softplus

from deeprestore_lab.core.checks import check_images, check_positive, check_whole, describe
from deeprestore_lab.networks import MapDenoiser, WindowClassifier
from deeprestore_lab.training.fit import fit
from deeprestore_lab.training.run import step_generator
from deeprestore_lab.training.schedules import cosine

RATE = 3e-3  # of Adam, falling to 0 as a cosine


def fit_map_denoiser(
    z: torch.Tensor,
    *,
    levels: Sequence[float] = (0.3,),
    damaged: Sequence[torch.Tensor] = (),
    steps: int = 300,
    batch: int = 8,
    width: int = 32,
    flips: bool = False,
    seed: int = 0,
) -> MapDenoiser:
    r"""D that lowers E ||D(y) - z||^2, y being z with white noise of one of the `levels`, or a map from `damaged`.

    `z` are standardised natural maps `(N, C, H, W)`; each member of `damaged` has a map of a worse picture for each of
    them, in the same order: those of pre-images, say, whose errors are no white noise. A step draws one of all these
    kinds for its batch. With neither there is nothing to learn. `flips` turns every second batch left to right: right
    for pictures, but the map of a turned picture is no turned map, since filters have directions. Computed in float32.
    Parameters take no gradients afterwards. Raises `ValueError` for maps that do not fit. Taught in chapter
    19_feature_map_priors.
    """
    check_images(z, name="z")
    for own in damaged:
        if own.shape != z.shape:
            raise ValueError(f"damaged maps must have the shape of z, {tuple(z.shape)}, got {describe(own)}")
    kinds = [*(check_positive(level, name="levels", single=True) for level in levels), *damaged]
    if not kinds:
        raise ValueError("there must be a level of noise or damaged maps; both are empty")
    z, kinds = z.float(), [kind.float() if isinstance(kind, torch.Tensor) else kind for kind in kinds]
    network = MapDenoiser(z.shape[1], width=width, seed=seed)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = step_generator(seed, step)
        chosen = torch.randint(len(z), (batch,), generator=generator)
        kind = kinds[int(torch.randint(len(kinds), (1,), generator=generator))]
        clean = z[chosen]
        if isinstance(kind, torch.Tensor):
            worse = kind[chosen]
        else:
            worse = clean + kind * torch.randn(clean.shape, generator=generator)
        return (worse.flip(3), clean.flip(3)) if flips and step % 2 else (worse, clean)

    return _trained(network, draw, steps, None)


def fit_log_ratio(
    natural: torch.Tensor,
    other: Sequence[torch.Tensor],
    *,
    steps: int = 300,
    batch: int = 8,
    width: int = 32,
    penalty: float = 1.0,
    seed: int = 0,
) -> WindowClassifier:
    r"""Log-odds T of windows, by logistic loss: log(1 + exp(T)) of natural maps plus log(1 + exp(-T)) of `other` ones.

    Plus `penalty` / 2 times the squared length of T's gradient with respect to the map, a position's mean: without it
    T is as steep as its steps allow, and a search that follows it leaves what it was trained on. `natural` and every
    member of `other` are standardised maps `(N, C, H, W)`. Computed in float32. Parameters take no gradients
    afterwards. Raises `ValueError` for maps that do not fit. Taught in chapter 19_feature_map_priors.
    """
    check_images(natural, name="natural")
    if not other or any(own.shape[1:] != natural.shape[1:] for own in other):
        raise ValueError("other must be maps of the shape of natural ones, one set of them or more")
    natural, other = natural.float(), [own.float() for own in other]
    network = WindowClassifier(natural.shape[1], width=width, seed=seed)

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = step_generator(seed, step)
        kind = other[int(torch.randint(len(other), (1,), generator=generator))]
        return tuple(own[torch.randint(len(own), (batch,), generator=generator)] for own in (natural, kind))

    def objective(pair: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        both = torch.cat(pair).requires_grad_()
        odds = network(both)
        true, false = odds.split([len(pair[0]), len(pair[1])])
        loss = softplus(true).mean() + softplus(-false).mean()
        if penalty and torch.is_grad_enabled():
            slope = torch.autograd.grad(odds.sum(), both, create_graph=True)[0]
            loss = loss + penalty / 2 * slope.square().sum(1).mean()
        return loss

    return _trained(network, draw, steps, objective)


def _trained(network, draw, steps: int, objective):
    check_whole(steps, name="steps", least=1)
    fit(network, draw, steps=steps, objective=objective, lr=cosine(RATE, steps), progress=False)
    return network.eval().requires_grad_(False)
