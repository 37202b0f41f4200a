"""Priors R_i: negative log-densities of images up to a constant, with weights in calibrated units.

A raw weight means nothing to a reader: the best one changes with the noise by a factor of ten.
`prior.calibrated(sigma)` multiplies by a reference weight, a power law in sigma fitted once on training
photographs, so a weight of 1 means "what was best elsewhere at this noise". Taught in chapter 10_map.
"""

import math
from collections.abc import Callable
from functools import cache
from numbers import Real

import torch

from deeprestore_lab.core.artifacts import load_record
from deeprestore_lab.core.checks import LARGEST, check_level, check_positive, describe
from deeprestore_lab.energies import Energy, WeightedSum
from deeprestore_lab.priors.representation_units import calibrated_for


class Prior(Energy):
    """An energy that speaks of images alone, with `calibrated` units."""

    @property
    def calibration_key(self) -> str | None:
        """The prior's row in the calibration record; None where it has none, unless its class was registered."""
        return class_key(type(self)) if class_key(type(self)) in REGISTERED else None

    def calibrated(self, sigma: float | torch.Tensor, *, channels: int = 3) -> WeightedSum:
        r"""lambda_ref(sigma) * R, with lambda_ref = coefficient * sigma^exponent from the calibration record.

        `sigma` is the noise level in [0, 1] units, a float or `(N,)`. `channels` is that of the pictures: colour (3)
        and grey (1) were fitted each by itself, since a prior that joins the colours wants more weight where there are
        three. The default is that of colour, whatever pictures follow: for grey ones give `channels=1`, or total
        variation has 1.4 to 1.7 times their weight and smooths too much. On photographs that were not used weight 1 of
        total variation loses up to 0.3 dB against the best one in colour, and up to 0.5 dB (at 64 x 64) in grey.
        Calibration scales a weight and nothing else. A prior of one's own gets its power law by `register_calibration`.
        Raises `ValueError` for a level that is not between 0 and 1, other channels, a prior that has no row in the
        record, and a subclass that changes the `value` of one that has.
        """
        known, changed = (_defining(type(self), name) for name in ("calibration_key", "value"))
        if known is not Prior and changed is not known and issubclass(changed, known):
            raise ValueError(
                f"{changed.__name__} has a value of its own, which the weight of {known.__name__} was not fitted to; "
                "give it a calibration_key of its own, and its power law by priors.register_calibration"
            )
        return reference_weight(self.calibration_key, sigma, name=self.name, channels=channels) * self

    def calibrated_for(
        self, phi: Callable[[torch.Tensor], torch.Tensor], natural: torch.Tensor, *, seed: int = 0
    ) -> WeightedSum:
        """The prior with the weight that suits a representation error of `phi`; see `priors.calibrated_for`."""
        return calibrated_for(self, phi, natural, seed=seed)


REGISTERED: dict[str, dict[int, tuple[float, float]]] = {}  # key -> channels -> (coefficient, exponent)


def _defining(prior: type[Prior], name: str) -> type:
    """The class, `prior` or one that it inherits from, whose `name` it has."""
    return next(base for base in prior.__mro__ if name in vars(base))


def class_key(prior: type[Prior]) -> str:
    """The key of a class of priors that names none itself: its module and name."""
    return f"{prior.__module__}.{prior.__qualname__}"


def register_calibration(prior: type[Prior] | str, *, coefficient: float, exponent: float, channels: int = 3) -> None:
    r"""Give priors of one's own a calibrated weight: lambda_ref(sigma) = coefficient * sigma^exponent.

    `prior` is a class, for all its instances whatever their settings (subclasses not included); or, where the weight
    depends on settings, the `calibration_key` that the class gives for those. `channels` is that of the pictures that
    it was fitted on, 3 or 1; register both for both. `calibrated(sigma)` then multiplies by it, in this process;
    registering again replaces the numbers. Raises `ValueError` for a coefficient not above 0, an exponent that is not
    finite, other channels, something that is no class of priors and no key, and what this library has fitted itself.
    The appendix `gallery` has a prior of one's own and says where its numbers come from.

    >>> class Flat(Prior):
    ...     def value(self, x):
    ...         return x.flatten(1).var(1)
    >>> register_calibration(Flat, coefficient=2.0, exponent=-1.0)
    >>> Flat().calibrated(0.5).weighted[0][0]
    4.0
    """
    if isinstance(prior, type) and issubclass(prior, Prior):
        key = class_key(prior)
        own = prior.calibration_key is not Prior.calibration_key
        if own:
            raise ValueError(f"{prior.__name__} gives calibration keys by its settings; register one of these")
    elif isinstance(prior, str) and prior:
        key = prior
    else:
        raise ValueError(f"prior must be a class of priors or a calibration key, got {describe(prior)}")
    if channels not in _calibration():
        raise ValueError(f"weights are calibrated for pictures of 3 or 1 channels, got channels={channels!r}")
    if any(key in rows for rows in _calibration().values()):
        raise ValueError(f"{key!r} was fitted by this library; give a prior of your own another calibration_key")
    coefficient = check_positive(coefficient, name="coefficient", single=True)
    if isinstance(exponent, bool) or not isinstance(exponent, Real) or not math.isfinite(exponent):
        raise ValueError(f"exponent must be a finite number, got {describe(exponent)}")
    REGISTERED.setdefault(key, {})[channels] = (coefficient, float(exponent))


@cache
def _calibration() -> dict[int, dict[str, dict[str, float]]]:
    record = load_record("calibration")
    return {3: record["priors"], 1: record["grey"]}


def reference_weight(
    key: str | None, sigma: float | torch.Tensor, *, name: str, channels: int = 3
) -> float | torch.Tensor:
    """lambda_ref(sigma) of the prior whose row in the calibration record is `key`, for pictures of 1 or 3 channels.

    Raises `ValueError` for a level that is not between 0 and 1, other channels, and a `key` that has no row.
    """
    sigma = check_level(sigma)
    if channels not in _calibration():
        raise ValueError(f"weights are calibrated for pictures of 3 or 1 channels, got channels={channels!r}")
    rows = {own: (row["coefficient"], row["exponent"]) for own, row in _calibration()[channels].items()}
    rows |= {own: laws[channels] for own, laws in REGISTERED.items() if channels in laws}
    if key not in rows:
        raise ValueError(
            f"{name} with these settings has no calibrated weight (known: {', '.join(sorted(rows))}); "
            "scale it by a weight of your own, or give it a power law by priors.register_calibration"
        )
    coefficient, exponent = rows[key]
    return coefficient * sigma**exponent


def check_mean(mean: float) -> float:
    """Return `mean` as a float if it is a finite number, else raise `ValueError`."""
    number = mean.item() if isinstance(mean, torch.Tensor) and mean.ndim == 0 else mean
    if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
        raise ValueError(f"mean must be a finite number, got {describe(mean)}")
    if abs(number) > LARGEST:
        raise ValueError(f"mean is {number:g}, as if white were 255; images are in [0, 1] here: divide by 255")
    return float(number)
