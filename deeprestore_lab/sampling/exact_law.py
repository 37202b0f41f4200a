"""The law that a sampler's draws have in the solvable world, without a draw: its covariance, step by step."""

import torch

from deeprestore_lab.core.checks import check_positive, describe
from deeprestore_lab.sampling.sampler import Sampler


def law(sampler: Sampler, start: torch.Tensor) -> torch.Tensor:
    r"""The covariance of the pictures after a run, of a start with covariance `start`: `(D,)` for one that is diagonal.

    For samplers whose step is linear, x' = G x + B n with white noise n, as all are on a Gaussian of mean 0 that make
    no test: G is what the step does to unit pictures without noise, B what it does to zeros with units for noise, and
    the covariance becomes G C G^T + B B^T. Pictures have the shape `(N, 1, 1, D)`. `start` `(D, D)`, or `(D,)` where
    the step treats each coordinate by itself, as it does in the coordinates of the eigenvectors: ones then do for
    units. It runs the sampler's own code. Raises `ValueError` for a start that is none, and for a step that moves
    zeros, asks for noise twice or is not linear: none of these has this law. Taught in chapter 21_sampling.

    >>> from deeprestore_lab.sampling.reverse import Euler
    >>> law(Euler(lambda y, sigma: y / (1 + sigma**2), [1.0, 0.0]), torch.tensor([2.0]))
    tensor([0.5000])
    """
    if not isinstance(sampler, Sampler):
        raise ValueError(f"sampler must be one of deeprestore_lab.sampling, got {describe(sampler)}")
    whole = isinstance(start, torch.Tensor) and start.is_floating_point() and start.numel() > 0
    square = whole and start.ndim == 2 and start.shape[0] == start.shape[1]
    if not whole or not (square or start.ndim == 1):
        raise ValueError(f"start must be a covariance (D, D) or variances (D,), got {describe(start)}")
    size = len(start)
    units = (torch.eye(size, dtype=start.dtype) if square else start.new_ones(1, size)).reshape(-1, 1, 1, size)
    zeros, covariance = torch.zeros_like(units), start.clone()
    for k in range(sampler.steps):
        if bool((sampler.step(k, zeros[:1].clone(), torch.zeros_like) != 0).any()):
            raise ValueError(f"{sampler.name} moves the mean at step {k}: the law is followed for a mean of 0")
        gain = sampler.step(k, units.clone(), torch.zeros_like).flatten(1)  # row i: what unit i becomes
        added = sampler.step(k, zeros.clone(), _Once(units, sampler.name)).flatten(1)
        _check_linear(sampler, k, gain, square=square)
        if square:
            covariance = gain.mT @ covariance @ gain + added.mT @ added
        else:
            covariance = gain[0].square() * covariance + added[0].square()
    return covariance


class _Once:
    """Noise that can be asked for once a step: what a second call adds has another matrix."""

    def __init__(self, noise: torch.Tensor, name: str) -> None:
        self.noise, self.name, self.asked = noise, name, False

    def __call__(self, like: torch.Tensor) -> torch.Tensor:
        if self.asked:
            raise ValueError(f"{self.name} asks for noise more than once a step: the law is followed for one noise")
        self.asked = True
        return self.noise


def _check_linear(sampler: Sampler, k: int, gain: torch.Tensor, *, square: bool) -> None:
    """Raise `ValueError` unless the step takes a sum of units where its matrix says."""
    parts = torch.linspace(0.5, 2.0, gain.shape[1], dtype=gain.dtype)
    expected = parts @ gain if square else parts * gain[0]
    found = sampler.step(k, parts.reshape(1, 1, 1, -1), torch.zeros_like).flatten()
    if (found - expected).norm() > torch.finfo(gain.dtype).eps ** 0.5 * (parts.norm() + expected.norm()):
        raise ValueError(f"step {k} of {sampler.name} is not linear: its law is not followed by a covariance")


def errors_of_law(variances: torch.Tensor, true: torch.Tensor) -> dict[str, float]:
    r"""How far variances are from the true ones, along the same eigenvectors.

    "Frobenius": ||v - lambda|| / ||lambda||, which the large ones decide; "worst": max |v / lambda - 1|. Shapes: both
    `(D,)`. Raises `ValueError` for shapes that differ, and true variances not above 0. Taught in chapter 21_sampling.

    >>> found = errors_of_law(torch.tensor([10.0, 2.0]), torch.tensor([10.0, 1.0]))
    >>> round(found["Frobenius"], 3), found["worst"]
    (0.1, 1.0)
    """
    tensors = isinstance(variances, torch.Tensor) and isinstance(true, torch.Tensor)
    if not tensors or variances.shape != true.shape or variances.ndim != 1:
        raise ValueError(f"variances must have the shape of the true ones, got {describe(variances)}, {describe(true)}")
    check_positive(true, name="true")
    return {
        "Frobenius": float((variances - true).norm() / true.norm()),
        "worst": float((variances / true - 1).abs().max()),
    }
