"""Whitened coordinates of patches: every direction has variance 1, and the mean is left out.

Taught in chapter 14_learned_filters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_weight, check_whole, describe
from deeprestore_lab.training.score_matching.hyvarinen import check_vectors

FLOOR = 1e-9  # of the largest variance: a direction below it is one that was taken out, as the mean of a patch is


@dataclass(frozen=True)
class Whitening:
    r"""z = V x with covariance I, and the ways back: `forward` is V, `(d, D)`, `backward` its pseudo-inverse `(D, d)`.

    What V maps to zero is improper: an energy of z does not see it. Filters u on z are filters V^T u on x.
    """

    forward: torch.Tensor
    backward: torch.Tensor

    def whiten(self, x: torch.Tensor) -> torch.Tensor:
        """Samples `(N, D)` in whitened coordinates, `(N, d)`."""
        return x @ self.forward.mT

    def analysis(self, rows: torch.Tensor) -> torch.Tensor:
        """Filters for x, `(K, D)`, of filters for z, `(K, d)`: their responses are the same."""
        return rows @ self.forward

    def basis(self, rows: torch.Tensor) -> torch.Tensor:
        """What each response adds to x, `(K, D)`: the columns of the pseudo-inverse of the filters."""
        return (self.backward @ torch.linalg.pinv(rows)).mT


def whitening(x: torch.Tensor, *, components: int | None = None, noise: float = 0.0) -> Whitening:
    r"""V = L^-1/2 B^T of the covariance B L B^T = 1/N sum_n x_n x_n^T, whose directions of no variance are left out.

    `x` is `(N, D)`, of mean zero by what it is (patches less their means). With `components` only so many directions
    of the largest variance are kept. With `noise` V whitens x with noise of that level added: its square is added to L.
    Raises `ValueError` for more components than there are, samples that are all zero, and noise below 0. Taught in
    chapter 14_learned_filters.

    >>> x = torch.randn(500, 3) @ torch.diag(torch.tensor([3.0, 1.0, 0.0]))
    >>> z = whitening(x).whiten(x)
    >>> bool(torch.allclose(z.T @ z / 500, torch.eye(2), atol=1e-5))
    True
    """
    check_vectors(x)
    noise = check_weight(noise, name="noise", single=True)
    own = x.double()
    values, vectors = torch.linalg.eigh(own.mT @ own / len(x))
    values, vectors = values.flip(0), vectors.flip(1)
    if not values[0] > 0:
        raise ValueError("x is zero everywhere: no direction has a variance")
    count = int((values > FLOOR * values[0]).sum())
    if components is not None:
        count = check_whole(components, name="components", least=1, most=count)
    roots, vectors = (values[:count] + noise**2).sqrt(), vectors[:, :count]
    return Whitening((vectors / roots).mT.contiguous().to(x), (vectors * roots).to(x))


def no_whitening(x: torch.Tensor) -> Whitening:
    """The same coordinates less the mean of a patch, all scaled by one number, so that the mean variance is 1.

    What happens to filters without whitening is tried with it; `x` is `(N, D)`. Raises `ValueError` for samples that
    are all zero, or have one value each.
    """
    check_vectors(x)
    dims = x.shape[1]
    if dims < 2 or not bool(x.any()):
        raise ValueError(f"x must have two values a sample or more, and not be zero everywhere, got {describe(x)}")
    _, vectors = torch.linalg.eigh(torch.eye(dims, dtype=torch.float64) - 1 / dims)
    scale = x.double().square().sum(1).mean().div(dims - 1).sqrt()
    vectors = vectors[:, 1:]
    return Whitening((vectors / scale).mT.contiguous().to(x), (vectors * scale).to(x))
