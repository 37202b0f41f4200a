"""Priors R_i: negative log-densities of images up to a constant, with weights in calibrated units.

A raw weight means nothing to a reader: the best one changes with the noise by a factor of ten.
`prior.calibrated(sigma)` multiplies by a reference weight, a power law in sigma fitted once on training
photographs, so a weight of 1 means "what was best elsewhere at this noise". Taught in chapter 10_map.
"""

from __future__ import annotations

import math
from functools import cache
from numbers import Real

import torch

from deeprestore_lab.core.artifacts import load_record
from deeprestore_lab.core.checks import LARGEST, check_level, describe
from deeprestore_lab.energies import Energy, WeightedSum


class Prior(Energy):
    """An energy that speaks of images alone, with `calibrated` units."""

    @property
    def calibration_key(self) -> str | None:
        """The prior's row in the calibration record, or None where it has none."""
        return None

    def calibrated(self, sigma: float | torch.Tensor, *, channels: int = 3) -> WeightedSum:
        r"""lambda_ref(sigma) * R, with lambda_ref = coefficient * sigma^exponent from the calibration record.

        `sigma` is the noise level in [0, 1] units, a float or `(N,)`. `channels` is that of the pictures: colour (3)
        and grey (1) were fitted each by itself, since a prior that joins the colours wants more weight where there
        are three. On photographs that were not used weight 1 of total variation loses up to 0.3 dB against the best
        one in colour, and up to 0.5 dB (at 64 x 64) in grey. Calibration scales a weight and nothing else. Raises
        `ValueError` for a level that is not between 0 and 1, other channels, and a prior that has no row in the record.
        """
        return reference_weight(self.calibration_key, sigma, name=self.name, channels=channels) * self


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
    rows = _calibration()[channels]
    if key not in rows:
        raise ValueError(
            f"{name} with these settings has no calibrated weight (known: {', '.join(sorted(rows))}); "
            "scale it by a weight of your own, or add it to scripts/records/calibration.py"
        )
    return rows[key]["coefficient"] * sigma ** rows[key]["exponent"]


def check_mean(mean: float) -> float:
    """Return `mean` as a float if it is a finite number, else raise `ValueError`."""
    number = mean.item() if isinstance(mean, torch.Tensor) and mean.ndim == 0 else mean
    if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
        raise ValueError(f"mean must be a finite number, got {describe(mean)}")
    if abs(number) > LARGEST:
        raise ValueError(f"mean is {number:g}, as if white were 255; images are in [0, 1] here: divide by 255")
    return float(number)
