r"""Many small convolutions in a row in place of one large one. Taught in chapter 16_linear_inverse.

B f' = M^-1 W* f' with M = Sigma^-1 / weight + W* W. Where the prior's inverse has few taps, M is a small convolution,
and p(M) W* f' with a polynomial p of degree t - 1 is a linear network of t blocks without anything new in it: W*, then
t - 1 times M, with a number for each. In the eigenvectors of M, with r_i the mean square of W* f' along the i-th,

    E ||p(M) W* f' - f||^2 = the least error + sum_i r_i (p(mu_i) - 1 / mu_i)^2 :

a polynomial that is to be near to 1 / mu, where it matters.
"""

import torch

from deeprestore_lab.core.checks import check_whole, describe
from deeprestore_lab.operators.linear_inverse.dense import check_covariance, noise_variance


def normal_spectrum(
    matrix: torch.Tensor, precision: torch.Tensor, *, weight: float
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""The mu_i and r_i, both `(..., n)`, of one W `(m, n)` and Sigma^-1 `(n, n)` or of a batch of blocks.

    The mean square of W* f' is A Sigma A + A / weight = A Sigma M, with A = W* W. Raises `ValueError` for a `weight`
    that is not above 0, and for a `precision` that does not fit or has an eigenvalue that is not above 0.
    """
    noise = noise_variance(weight)
    if matrix.shape[-1:] * 2 != precision.shape[-2:]:
        raise ValueError(f"W (m, n) needs a precision (n, n), got {describe(matrix)} and {describe(precision)}")
    check_covariance(precision, name="precision", singular=False)
    normal = matrix.mH @ matrix
    values, vectors = torch.linalg.eigh(precision * noise + normal)
    inner = vectors.mH @ normal
    second = inner @ torch.linalg.solve(precision.to(normal), inner.mH)
    along = second.diagonal(dim1=-2, dim2=-1) + (inner @ vectors).diagonal(dim1=-2, dim2=-1) * noise
    return values, along.real.clamp_min(0)


def _flat(values: torch.Tensor, along: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    tensors = isinstance(values, torch.Tensor) and isinstance(along, torch.Tensor)
    if not tensors or values.shape != along.shape or not (values > 0).all() or (along < 0).any():
        raise ValueError(f"expected mu above 0 and r at least 0 of one shape: {describe(values)}, {describe(along)}")
    return values.flatten().double(), along.flatten().double()


def best_polynomial_errors(values: torch.Tensor, along: torch.Tensor, *, blocks: int) -> torch.Tensor:
    """What the best p with 1 to `blocks` numbers adds to the least error, summed over all i, `(blocks,)`.

    Weighted least squares over the polynomials that are orthonormal under the weights r, made by Lanczos' recursion
    with every step orthogonalised twice. Raises `ValueError` for values that are not above 0.

    >>> best_polynomial_errors(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0]), blocks=2).round(decimals=3).tolist()
    [0.125, 0.0]
    """
    values, along = _flat(values, along)
    root = along.sqrt()
    basis, left, errors = [], root / values, []
    next_one = root
    for _ in range(check_whole(blocks, name="blocks", least=1)):
        length = float(next_one.norm())
        if length > 1e-14 * float(root.norm()):
            basis.append(next_one / length)
            left = left - (basis[-1] @ left) * basis[-1]
            next_one = values / values.max() * basis[-1]
            for _ in range(2):
                every = torch.stack(basis)
                next_one = next_one - every.mT @ (every @ next_one)
        errors.append(left.square().sum())
    return torch.stack(errors)


def chebyshev_errors(values: torch.Tensor, along: torch.Tensor, *, blocks: int) -> torch.Tensor:
    """The same for Chebyshev's polynomials, which know the smallest and the largest mu alone, `(blocks,)`.

    1 - mu p(mu) = T_t(l(mu)) / T_t(l(0)) with l taking [smallest, largest] to [1, -1]; by the recursion of T. Raises
    `ValueError` for a count below 1.
    """
    values, along = _flat(values, along)
    low, high = values.min(), values.max()
    if high - low < 1e-12 * high:
        return torch.zeros(check_whole(blocks, name="blocks", least=1), dtype=torch.float64)
    place, zero = (high + low - 2 * values) / (high - low), (high + low) / (high - low)
    # the ratio T_t(place) / T_t(zero) is carried, since T_t(zero) overflows
    ratio, before, growth, errors = place / zero, torch.ones_like(place), 1 / zero, []
    for _ in range(check_whole(blocks, name="blocks", least=1)):
        errors.append((along / values.square() * ratio.square()).sum())
        new_growth = 1 / (2 * zero - growth)  # T_t(zero) / T_{t+1}(zero)
        ratio, before = new_growth * (2 * place * ratio - growth * before), ratio
        growth = new_growth
    return torch.stack(errors)
