"""The prior of an auto-encoder: how far it moves an image. Taught in chapter 12_latent_autoencoder."""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_positive, check_weight
from deeprestore_lab.energies import Weight
from deeprestore_lab.energies.shares import weighted_values
from deeprestore_lab.priors.denoiser import Denoiser


class AutoEncoderPrior(Denoiser):
    r"""R(x) = ||D(E(x)) - x|| / T, or its square over T: P(x) is proportional to exp(-R(x)).

    `model` is any map from an image batch to one of the same shape, D(E(x)). The norm is Euclidean, over all values of
    an image; `temperature` T is in its units (in those of its square where `squared`), a float or `(N,)`. The
    kink at a distance of 0 is rounded off: r becomes sqrt(r^2 + s^2) - s with s = `smoothing`, in the units of the
    distance; 0 keeps the kink, with the gradient 0 there. The square has none and ignores `smoothing`.

    It is a `Denoiser` with a value, as `DenoiserEnergy` is: that is its square with T = 2.

    Shapes: x `(N, C, H, W)`, value `(N,)`, a sum over pixels within the root, in nats. The gradient is that of the
    energy, through the model and through x itself; a step x <- D(E(x)) leaves the former out. Raises `ValueError` for
    settings out of range and for a model that gives another shape or is cut off from autograd. There are no calibrated
    weights: T is the weight. Taught in chapter 12_latent_autoencoder.

    >>> x = torch.full((1, 1, 2, 2), 0.75)
    >>> float(AutoEncoderPrior(lambda x: 0 * x + 0.25, temperature=0.5, smoothing=0.0)(x))  # at a distance of 1
    2.0
    """

    def __init__(
        self,
        model: Callable[[torch.Tensor], torch.Tensor],
        *,
        temperature: Weight,
        squared: bool = False,
        smoothing: float = 1e-2,
    ) -> None:
        super().__init__(model, sigma=None, told=False)
        self.squared = bool(squared)
        self.temperature = check_positive(temperature, name="temperature")
        self.smoothing = check_weight(smoothing, name="smoothing", single=True)

    @property
    def name(self) -> str:
        return "auto-encoder"

    @property
    def smooth(self) -> bool:
        return self.squared or self.smoothing > 0

    def value(self, x: torch.Tensor) -> torch.Tensor:
        distance = smoothed_distance(self.restored(x) - x, squared=self.squared, smoothing=self.smoothing)
        return weighted_values(self.temperature**-1, distance)


def smoothed_distance(difference: torch.Tensor, *, squared: bool, smoothing: float) -> torch.Tensor:
    r"""sqrt(r^2 + s^2) - s with r the norm of each row of `(N, ...)` and s = `smoothing`; r^2 where `squared`.

    >>> smoothed_distance(torch.tensor([[3.0, 4.0]]), squared=False, smoothing=12.0)  # sqrt(25 + 144) - 12
    tensor([1.])
    """
    flat = difference.flatten(1)
    if not squared and smoothing == 0:
        return torch.linalg.vector_norm(flat, dim=1)  # subgradient 0 at 0
    r2 = flat.square().sum(1)
    return r2 if squared else r2 / ((r2 + smoothing**2).sqrt() + smoothing)  # without the cancellation near 0
