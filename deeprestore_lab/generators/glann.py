"""GLANN: codes by GLO, then implicit maximum likelihood on the codes, where neighbours are reliable."""

from collections.abc import Callable

import torch
from torch import nn

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.generators.glo import GLO, projected
from deeprestore_lab.generators.imle import normal_codes, train_imle
from deeprestore_lab.networks import leaky_layers
from deeprestore_lab.training import History


class GLANN(nn.Module):
    r"""x = D(T(e)), e normal: D and the codes z_i of a trained `GLO`, and T with sum_i min_j |z_i - T(e_j)|^2 low.

    The search runs in d dimensions in place of C H W, so near means near, and an exact search is cheap. T is
    `leaky_layers` of `noise`, two hidden layers of `width`, and d. Units: codes as the GLO's. Raises `ValueError` for
    settings that do not fit. Source: Hoshen, Li & Malik (2019), "Non-adversarial image synthesis with generative latent
    nearest neighbors", equation 6. Taught in chapter 13_generators.

    >>> glo = GLO(torch.rand(32, 1, 8, 8), latent=4, widths=(16,))
    >>> glann = GLANN(glo, width=16)
    >>> history = train_glann(glann, steps=5, pool=64)
    >>> glann.sample(3).shape
    torch.Size([3, 1, 8, 8])
    """

    def __init__(self, glo: GLO, *, noise: int | None = None, width: int = 128, seed: int = 0) -> None:
        super().__init__()
        self.glo, self.noise = glo, check_whole(glo.latent if noise is None else noise, name="noise", least=1)
        with seeded(seed):
            self.mapping = leaky_layers([self.noise, width, width, glo.latent])

    @torch.no_grad()
    def sample(self, count: int, *, seed: int = 0) -> torch.Tensor:
        """`(count, *shape)`: D(T(e)) of normal e, T(e) projected onto the set of the codes."""
        e = normal_codes(count, self.noise, seed=seed).to(self.glo.codes)
        return self.glo.decode(projected(self.mapping(e), within=self.glo.within))


def train_glann(
    model: GLANN,
    *,
    steps: int,
    pool: int = 4096,
    refresh: int = 50,
    batch: int = 128,
    lr: float | Callable[[int], float] = 1e-3,
    seed: int = 0,
    progress: bool | None = None,
) -> History:
    """Train T alone by `train_imle` on the GLO's codes, which stay; settings as there. Taught in 13_generators."""
    return train_imle(
        model.mapping,
        model.glo.codes.detach(),
        latent=model.noise,
        steps=steps,
        pool=pool,
        refresh=refresh,
        batch=batch,
        lr=lr,
        seed=seed,
        progress=progress,
    )
