"""Expected patch log-likelihood by the package deepinv, its mixture of Gaussians learned from our photographs."""

import math
from copy import deepcopy
from functools import cache

import torch

from deeprestore_lab.core.checks import check_level, check_positive, check_seed, check_units, check_whole, describe
from deeprestore_lab.images import photograph, photograph_names, resize
from deeprestore_lab.operators import LinearOperator

SIDE = 6  # of a patch, as in the package's own mixtures
SHORTER = (160, 320)  # sides of the photographs that patches are cut from
LAST = 32.0  # what the package's penalty grows by, from the first step to the last
FLOOR = 3e-6  # of a component's variances, squared units of the picture


def _package():
    try:
        import deepinv
    except ImportError as error:
        raise ImportError("EPLL is that of deepinv, an extra: pip install 'deeprestore_lab[benchmarks]'") from error
    return deepinv


def as_physics(operator: LinearOperator):
    """A linear operator as deepinv's `LinearPhysics`: A and its adjoint, from which the package makes the rest.

    Raises `ImportError` without the package, and `ValueError` for what is no linear operator.
    """
    if not isinstance(operator, LinearOperator):
        raise ValueError(f"operator must be a linear operator, got {describe(operator)}")
    return _package().physics.LinearPhysics(A=lambda x, **_: operator(x), A_adjoint=lambda y, **_: operator.adjoint(y))


def training_patches(count: int, *, seed: int = 0) -> torch.Tensor:
    """Grey patches `(N, 36)` of 6 x 6 pixels, `count` of each training photograph at each of two sizes."""
    generator, found = torch.Generator().manual_seed(seed), []
    for name in photograph_names("training"):
        x = photograph(name, grey=True)
        for shorter in SHORTER:
            share = shorter / min(x.shape[-2:])
            small = resize(x, size=tuple(round(side * share) for side in x.shape[-2:]))
            places = small[0, 0].unfold(0, SIDE, 1).unfold(1, SIDE, 1)
            rows, columns = (torch.randint(size, (count,), generator=generator) for size in places.shape[:2])
            found.append(places[rows, columns].flatten(1))
    joined = torch.cat(found)
    return joined[torch.randperm(len(joined), generator=generator)]


@cache
def patch_mixture(components: int = 50, *, count: int = 4000, rounds: int = 10, seed: int = 0):
    r"""deepinv's `GaussianMixtureModel` of patches, fitted by its expectation maximisation to the training photographs.

    Of patches without their mean; each round's means are put to 0, as EPLL's step takes them, and what they were goes
    into the covariances: (1/n) sum p pᵀ. At the end the mean is given back, with its own mean square. It starts at
    single patches. Half a minute of one core; the same arguments give the same object again. Raises `ImportError`
    without the package, `ValueError` for numbers below 1. Source: Zoran & Weiss (2011).
    """
    components, count = check_whole(components, name="components", least=1), check_whole(count, name="count", least=1)
    rounds, seed = check_whole(rounds, name="rounds", least=1), check_seed(seed)
    package, patches = _package(), training_patches(count, seed=seed)
    level = patches.mean(1, keepdim=True)
    p, eye = patches - level, torch.eye(SIDE**2)
    first = p[p.norm(dim=1) > 0.02][:components]
    if len(first) < components:
        raise ValueError(f"components must be at most the {len(first)} patches with contrast, got {components}")
    mixture = package.optim.utils.GaussianMixtureModel(components, SIDE**2)
    own = first.var(1)[:, None, None]
    mixture.set_cov(first[:, :, None] * first[:, None, :] + (0.3 * own + 10 * FLOOR) * eye)
    batches = [{"x": batch} for batch in p.split(5000)]
    with torch.no_grad():
        for _ in range(rounds):
            mixture.fit(batches, max_iters=1, data_init=False, cov_regularization=FLOOR)
            covariance = mixture.get_cov() + mixture.mu[:, :, None] * mixture.mu[:, None, :]
            mixture.mu.zero_()
            mixture.set_cov((covariance + covariance.mT) / 2)
        mixture.set_cov(mixture.get_cov() + level.square().mean())
    return mixture


def epll(
    y: torch.Tensor,
    operator: LinearOperator,
    *,
    sigma: float,
    start: torch.Tensor,
    weight: float = 1.0,
    level: float | None = None,
    steps: int = 10,
    mixture=None,
) -> torch.Tensor:
    r"""Grey pictures `(N, 1, H, W)` in [0, 1] from y = A x + noise of level `sigma`, by deepinv's own EPLL.

    ||A x - y||^2 / (2 sigma^2) - (weight / 36) sum_i log p(P_i x) over all patches of 6 x 6, p a mixture of Gaussians
    (`patch_mixture` where None is given). Half-quadratic splitting: each step takes every patch's best Gaussian and
    its Wiener estimate at a level, then solves for the picture by conjugate gradients. The level falls from `level`
    by sqrt(32) in equal ratios, as from the first to the last step of the package's five; None takes `sigma`, which
    is the package's own start. It is an annealing: where it ends depends on the number of `steps`.

    `start` has the shape of the answer, and the operator takes pictures one by one: not a mask for each picture.
    Two to three seconds for a picture of 96 x 96. Raises `ImportError` without the package (an extra, `pip install
    'deeprestore_lab[benchmarks]'`), `ValueError` for pictures, levels, weights and steps that do not fit. Source:
    Zoran & Weiss (2011).
    """
    physics, y = as_physics(operator), check_units(y, name="y", channels=1)
    start = check_units(start, name="start", channels=1)
    if min(start.shape[-2:]) < SIDE:
        raise ValueError(f"start must be at least {SIDE} x {SIDE} pixels, got {describe(start)}")
    sigma = float(check_level(sigma, single=True))
    level = sigma if level is None else float(check_level(level, name="level", single=True))
    weight = float(check_positive(weight, name="weight", single=True))
    steps = check_whole(steps, name="steps", least=2)
    penalties = torch.logspace(0, math.log10(LAST), steps) / level**2
    own = deepcopy(patch_mixture() if mixture is None else mixture).to(start)  # the solver writes levels into it
    solver = _package().optim.EPLL(GMM=own, pretrained=None)
    with torch.no_grad():
        return solver(y, physics, sigma=weight**0.5 * sigma, x_init=start, betas=penalties.tolist(), batch_size=1000)
