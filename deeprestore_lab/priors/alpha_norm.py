"""The alpha-norm prior: values stay within a range, with a wall that is soft but steep.

Taught in chapters 10_map and 09_preimages.
"""

import torch

from deeprestore_lab.core.checks import check_choice, check_positive, per_image
from deeprestore_lab.energies import Weight
from deeprestore_lab.priors.base import Prior, check_mean

NEWTON_STEPS = 40


class AlphaNorm(Prior):
    r"""sum over pixels of (||x_p - mean|| / scale)^alpha, with ||.|| the norm of the colour vector.

    `colour` "joint": the norm of the colour vector, as in Mahendran & Vedaldi (2016), section 3.1;
    "channel": the absolute value of each channel, as in Mahendran & Vedaldi (2015), equation 3.
    Shapes: `(N, C, H, W) -> (N,)`, a sum over pixels. `mean` and `scale` are in the units of x.
    Differs from the papers in that it is a sum, not a mean, and that the mean of an image in [0, 1] is taken
    as `mean` rather than subtracted beforehand. Raises `ValueError` for `alpha` below 2, a `mean` that is
    not finite, a `scale` not above 0, or another `colour`.

    >>> x = torch.full((1, 1, 2, 2), 1.0)
    >>> float(AlphaNorm(mean=0.5, scale=0.5)(x))  # four pixels, each at the end of the range
    4.0
    """

    def __init__(
        self, *, alpha: float = 6.0, mean: float = 0.5, scale: float = 80 / 255, colour: str = "joint"
    ) -> None:
        self.alpha = check_positive(alpha, name="alpha", single=True)
        if self.alpha < 2:
            raise ValueError(f"alpha must be at least 2 (below, the curvature at the mean is infinite), got {alpha}")
        self.mean, self.scale = check_mean(mean), check_positive(scale, name="scale", single=True)
        self.colour = check_choice(colour, ("joint", "channel"), name="colour")

    @property
    def calibration_key(self) -> str | None:
        usual = self.mean == 0.5 and self.scale == 80 / 255
        return f"alpha_norm/{self.alpha:g}/{self.colour}" if usual else None

    def _squared_length(self, centred: torch.Tensor) -> torch.Tensor:
        squared = torch.view_as_real(centred).square().sum(-1) if centred.is_complex() else centred.square()
        return squared.sum(1, keepdim=True) if self.colour == "joint" else squared

    def value(self, x: torch.Tensor) -> torch.Tensor:
        squared = self._squared_length((x - self.mean) / self.scale)
        return squared.pow(self.alpha / 2).flatten(1).sum(1)  # a power of the square: no kink at the mean

    def prox(self, v: torch.Tensor, step: Weight) -> torch.Tensor:
        r"""Shrink each vector to the length r that solves r + step * alpha * r^(alpha - 1) / scale^alpha = ||v||.

        The left side is convex in r, so Newton's method from the right of the root falls onto it.
        """
        centred = v - self.mean
        length = self._squared_length(centred / self.scale).sqrt()  # r in units of the scale: no power of it overflows
        factor = per_image(step, length) * self.alpha / self.scale**2
        power = self.alpha - 1
        ceiling = (length / torch.as_tensor(factor).to(length).clamp_min(torch.finfo(v.dtype).tiny)).pow(1 / power)
        r = torch.minimum(length, ceiling)
        for _ in range(NEWTON_STEPS):
            step_back = (r + factor * r.pow(power) - length) / (1 + factor * power * r.pow(power - 1))
            r = r - step_back
            if bool((step_back.abs() <= 2 * torch.finfo(v.dtype).eps * length).all()):
                break
        shrink = torch.where(length > 0, r / length.clamp_min(torch.finfo(v.dtype).tiny), 1.0)
        return self.mean + centred * shrink
