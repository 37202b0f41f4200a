"""How near a matrix over the positions of a map is to a doubly block-Toeplitz one, which is a stationary field's.

Taught in chapter 15_feature_statistics.
"""

from typing import NamedTuple

import torch

from deeprestore_lab.core.checks import check_pair, check_whole, describe
from deeprestore_lab.measures.feature_statistics.covariance import photograph_covariances


def nearest_toeplitz(matrix: torch.Tensor, size: int | tuple[int, int], *, taper: bool = False) -> torch.Tensor:
    r"""The doubly block-Toeplitz matrix nearest to `matrix` in the Frobenius norm: T_pq depends on p - q alone.

    The entries (p, q) with one difference p - q are one set, and the nearest constant on a set is its mean: T is the
    orthogonal projection of `matrix` `(P, P)` onto these matrices, P = H W positions row by row, `size` = (H, W) or
    one number for a square. The projection of a covariance need not be one: it may have eigenvalues below zero. With
    `taper` each mean is multiplied by (1 - |dy| / H) (1 - |dx| / W), which is no longer the nearest matrix but has no
    eigenvalue below zero where `matrix` has none. Raises `ValueError` for a matrix that does not fit the size. Taught
    in chapter 15_feature_statistics.

    >>> nearest_toeplitz(torch.tensor([[1.0, 2.0], [4.0, 3.0]]), (1, 2))
    tensor([[2., 2.],
            [4., 2.]])
    """
    height, width = _fitting(matrix, size)
    lag = _lags(height, width, matrix.device)
    total = (2 * height - 1) * (2 * width - 1)
    sums = matrix.new_zeros(total).index_add(0, lag.flatten(), matrix.flatten())
    counts = torch.bincount(lag.flatten(), minlength=total)
    return (sums / (len(matrix) if taper else counts))[lag]


def toeplitz_distance(matrix: torch.Tensor, size: int | tuple[int, int], *, border: int = 0) -> float:
    r"""||M - T||_F / ||M||_F with T the nearest doubly block-Toeplitz matrix: 0 where M is one, below 1 always.

    `border` leaves out the positions that are nearer than that to an edge: M is then the block of those that are left.
    Raises `ValueError` for a matrix that does not fit the size, is zero or not finite, and where no position is left.
    """
    matrix, size = inside(matrix, size, border=border)
    norm = torch.linalg.norm(matrix)
    if not torch.isfinite(norm) or norm == 0:
        raise ValueError("a relative distance needs a matrix that is finite and not zero")
    return float(torch.linalg.norm(matrix - nearest_toeplitz(matrix, size)) / norm)


def inside(matrix: torch.Tensor, size: int | tuple[int, int], *, border: int) -> tuple[torch.Tensor, tuple[int, int]]:
    """The rows and columns of positions at least `border` from every edge, and the size of what is left.

    Raises `ValueError` for a matrix of another size, and a border that leaves nothing.
    """
    height, width = _fitting(matrix, size)
    border = check_whole(border, name="border", least=0, most=(min(height, width) - 1) // 2)
    place = torch.arange(height * width, device=matrix.device).reshape(height, width)
    kept = place[border : height - border, border : width - border]
    return matrix[kept.flatten()][:, kept.flatten()], tuple(kept.shape)


class ToeplitzReport(NamedTuple):
    """Distances to Toeplitz of a covariance, of its inverse, and of inverses of matrices that are exactly Toeplitz.

    `covariance`, `covariance_inside`, `inverse`, `inverse_inside`: all positions, and inside of the border. `null`,
    `null_inside`: the inverse of the nearest Toeplitz matrix, NaN where that is indefinite and so no covariance.
    `tapered`, `tapered_inside`: the same of the tapered one, which never is. `least` is the smallest eigenvalue of the
    nearest Toeplitz matrix, `condition` the condition number of the covariance.
    """

    covariance: float
    covariance_inside: float
    inverse: float
    inverse_inside: float
    null: float
    null_inside: float
    tapered: float
    tapered_inside: float
    least: float
    condition: float


def toeplitz_report(covariance: torch.Tensor, size: int | tuple[int, int], *, border: int = 1) -> ToeplitzReport:
    """All distances of a covariance `(P, P)`; the null says what an exactly Toeplitz one would give for its inverse.

    "Inside" is taken after inverting: what other positions say of a value stays in. Raises `ValueError` for a matrix
    that does not fit the size, or whose eigenvalues are not all above 0. Taught in chapter 15_feature_statistics.
    """
    _fitting(covariance, size)
    if not torch.isfinite(covariance).all():
        raise ValueError(f"a covariance must be finite, got values that are not in {describe(covariance)}")
    values = torch.linalg.eigvalsh(covariance.double())
    if not values[0] > 1e-12 * values[-1]:
        raise ValueError(
            f"the covariance has no inverse: its eigenvalues go from {values[0]:.3g} to {values[-1]:.3g}; "
            "it needs more maps than positions, and a centring that leaves the mean of a map in"
        )
    nearest, tapered = (nearest_toeplitz(covariance.double(), size, taper=taper) for taper in (False, True))
    least = float(torch.linalg.eigvalsh(nearest)[0])

    def both(matrix: torch.Tensor) -> list[float]:
        return [toeplitz_distance(matrix, size, border=each) for each in (0, border)]

    def of_inverse(matrix: torch.Tensor) -> list[float]:
        return both(torch.linalg.inv(matrix))

    null = of_inverse(nearest) if least > 0 else [float("nan")] * 2
    own = [*both(covariance.double()), *of_inverse(covariance.double())]
    return ToeplitzReport(*own, *null, *of_inverse(tapered), least, float(values[-1] / values[0]))


def toeplitz_floor(
    f: torch.Tensor, *, groups: torch.Tensor | None = None, centring: str = "position", border: int = 0
) -> float:
    r"""The distance of the covariance to Toeplitz that infinitely many photographs would leave, 0 where none is seen.

    C^ is the mean of one matrix M_g for each of G photographs. Taking the Toeplitz part away is linear, Q, so

        E ||Q C^||^2 = ||Q C||^2 + V / G,    V = E ||Q (M - C)||^2,

    and sum_g ||Q (M_g - C^)||^2 / (G - 1) estimates V. What is returned is the root of the first term over that of
    ||C||^2, both without their V / G; in small samples the difference can be negative and counts as 0. `groups` `(N,)`
    says which photograph each map is of. Means and variances of the standardisation are taken as known. Raises
    `ValueError` for fewer than three photographs. Taught in chapter 15_feature_statistics.
    """
    stacked = photograph_covariances(f, groups=groups, centring=centring)
    size, count = tuple(f.shape[2:]), len(stacked)
    if count < 3:
        raise ValueError(f"a floor needs three photographs or more, got {count}")
    stacked = torch.stack([inside(matrix, size, border=border)[0] for matrix in stacked])
    size = tuple(n - 2 * border for n in size)
    mean = stacked.mean(0)
    whole = (stacked - mean).square().sum((1, 2)).sum() / (count - 1) / count
    rest = mean - nearest_toeplitz(mean, size)
    noise = torch.stack([(m - mean - nearest_toeplitz(m - mean, size)).square().sum() for m in stacked])
    least = rest.square().sum() - noise.sum() / (count - 1) / count
    return float((least.clamp_min(0) / (mean.square().sum() - whole).clamp_min(1e-300)).sqrt())


def _lags(height: int, width: int, device: torch.device) -> torch.Tensor:
    """The number of the difference p - q for each pair of positions, `(P, P)`."""
    place = torch.arange(height * width, device=device)
    row, column = place // width, place % width
    down = row[:, None] - row + height - 1
    return down * (2 * width - 1) + column[:, None] - column + width - 1


def _fitting(matrix: torch.Tensor, size: int | tuple[int, int]) -> tuple[int, int]:
    height, width = check_pair(tuple(size) if isinstance(size, torch.Size) else size, name="size")
    fits = isinstance(matrix, torch.Tensor) and matrix.shape == (height * width,) * 2 and matrix.is_floating_point()
    if not fits:
        raise ValueError(
            f"a matrix over {height} x {width} positions is ({height * width},) * 2, got {describe(matrix)}"
        )
    return height, width
