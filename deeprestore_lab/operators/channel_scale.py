"""Feature maps standardised channel by channel. Taught in chapter 19_feature_map_priors."""

from __future__ import annotations

import torch

from deeprestore_lab.core.checks import check_images, check_positive, describe
from deeprestore_lab.core.constants import Constants
from deeprestore_lab.operators.base import Operator

LEAST = 1e-3  # of the largest deviation: a channel that varies less counts as one that does not


class ChannelScale(Operator):
    r"""z_c = (f_c - mean_c) / deviation_c of the channels that vary: `(N, C, H, W) -> (N, kept, H, W)`.

    The numbers are those of a set of maps and stay as they are, so that the maps of one picture keep their contrast:
    unlike `ChannelMean` and `ChannelDeviation`, which are measured on each map. A prior on standardised maps is
    `prior @ scale @ phi`. `mean` `(C,)`; `deviation` `(C,)`, above 0; a channel whose deviation is at most a thousandth
    of the largest is left out, since a unit of noise there would be nothing at all elsewhere. Raises `ValueError` for
    numbers that do not fit, and for maps of other channels. Taught in chapter 19_feature_map_priors.

    >>> f = torch.tensor([[[[0.0, 2.0]], [[10.0, 30.0]]]])
    >>> ChannelScale.of(f)(f).flatten().round(decimals=2)
    tensor([-0.7100,  0.7100, -0.7100,  0.7100])
    """

    name = "channel scale"

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        fits = isinstance(mean, torch.Tensor) and isinstance(deviation, torch.Tensor)
        if not fits or mean.ndim != 1 or mean.shape != deviation.shape:
            raise ValueError(f"mean and deviation must be tensors (C,), got {describe(mean)} and {describe(deviation)}")
        if not torch.isfinite(mean).all():
            raise ValueError("mean must be finite, got values that are not")
        largest = check_positive(deviation.max(), name="the largest deviation", single=True)
        self.kept = deviation > LEAST * largest
        self.mean, self.deviation = mean[self.kept].detach(), deviation[self.kept].detach()
        self.all_kept = bool(self.kept.all())
        self._constants = Constants(self.mean[:, None, None], self.deviation[:, None, None])
        self._places = {self.kept.device: self.kept.nonzero().flatten()}  # on each device

    @classmethod
    def of(cls, f: torch.Tensor) -> ChannelScale:
        """The scale of the maps `f`: mean and deviation of each channel over maps and positions."""
        rows = check_images(f, name="f").detach().transpose(0, 1).flatten(1)
        if rows.shape[1] < 2:
            raise ValueError(f"a deviation needs two values of each channel or more, got {describe(f)}")
        return cls(rows.mean(1), rows.std(1))

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        if x.ndim != 4 or x.shape[1] != len(self.kept):
            raise ValueError(f"maps must have {len(self.kept)} channels, got {describe(x)}")
        if not self.all_kept:
            if x.device not in self._places:
                self._places[x.device] = self._places[self.kept.device].to(x.device)
            x = x.index_select(1, self._places[x.device])
        mean, deviation = self._constants.like(x)
        return (x - mean) / deviation
