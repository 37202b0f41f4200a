"""A prior's weight beside a representation error: 1 means "what was best at other layers of this noise".

Taught in chapter 18_preimages_with_priors.
"""

from collections.abc import Callable
from functools import cache

import torch

from deeprestore_lab.core.artifacts import load_record
from deeprestore_lab.core.checks import check_images, check_positive, describe
from deeprestore_lab.energies import Energy, WeightedSum
from deeprestore_lab.measures.feature_noise import layer_noise


def representation_weight(noise: float) -> float:
    r"""coefficient * (noise / 1 %)^exponent: the weight of a prior that is 1 on a natural picture.

    `noise` is that of the layer (`measures.feature_noise.layer_noise`). The power law is that of the record
    `preimage_networks`: fitted to the weights that were best for total variation and a field of experts after 300
    steps, at layers of four networks that lose some of a picture. Raises `ValueError` for a noise not above 0. Taught
    in chapter 18_preimages_with_priors.

    >>> representation_weight(0.02) > representation_weight(0.01)
    True
    """
    coefficient, exponent = _law()
    return coefficient * (100 * check_positive(noise, name="noise", single=True)) ** exponent


@cache
def _law() -> tuple[float, float]:
    own = load_record("preimage_networks")["law"]
    return own["coefficient"], own["exponent"]


def calibrated_for(
    prior: Energy, phi: Callable[[torch.Tensor], torch.Tensor], natural: torch.Tensor, *, seed: int = 0
) -> WeightedSum:
    r"""weight * R / mean R(natural), to be added to `RepresentationError(phi, target)`.

    The weight is `representation_weight` of the layer's noise. `natural` are photographs `(N, C, H, W)` of the size
    that is searched, four or more: from them come the noise of the layer and the unit of the prior. What it loses
    against the best weight, at networks that the law was not fitted to, the record `preimage_networks` says. At first
    layers, which lose nothing of a picture, the best weight is 0, and no law says so. Multiply the result by a weight
    of your own: 1 is the law's. Raises `ValueError` for what is no energy or has no value, fewer photographs, a layer
    that is zero on them, and a prior whose mean on them is not above 0. Taught in chapter 18_preimages_with_priors.

    >>> from deeprestore_lab.priors.total_variation import TotalVariation
    >>> x = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> placed = calibrated_for(TotalVariation(), lambda x: x, x)
    >>> bool(torch.isclose(placed(x).mean(), torch.tensor(representation_weight(layer_noise(lambda x: x, x)))))
    True
    """
    if not isinstance(prior, Energy):
        raise ValueError(f"prior must be an energy, got {describe(prior)}")
    if not prior.has_value:
        raise ValueError(f"{prior.name} has a score and no value, so there is no unit to measure on pictures")
    if len(check_images(natural, name="natural")) < 4:
        raise ValueError(f"natural must hold four photographs or more, got {describe(natural)}")
    weight = representation_weight(layer_noise(phi, natural, seed=seed))
    with torch.no_grad():
        unit = float(prior(natural).mean())
    if not unit > 0:
        raise ValueError(f"{prior.name} has the mean {unit:g} on the natural pictures; a unit must be above 0")
    return weight / unit * prior
