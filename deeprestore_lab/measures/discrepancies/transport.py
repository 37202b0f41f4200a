"""Wasserstein distances: sliced, by projections to one dimension, where sorting solves it; and the exact one."""

import torch

from deeprestore_lab.core.checks import check_whole, describe
from deeprestore_lab.measures.discrepancies.samples import check_pair

ROUNDING = 1e-2  # of a direction's length: bfloat16 has no more


def random_directions(
    latent: int, count: int, *, generator: torch.Generator | None = None, orthogonal: bool = False
) -> torch.Tensor:
    r"""`count` unit vectors, the columns of `(latent, count)`, float32, each uniform on the sphere.

    Gaussian vectors over their norms. With `orthogonal` they come in blocks of `latent` that are orthonormal (QR of a
    Gaussian matrix, with the signs that make it uniform; the last block may be cut): each is still uniform, but
    sum_k <theta_k, m>^2 = |m|^2 in a whole block, so a shift is measured without the error of the directions.
    Source: Rowland et al. (2019), orthogonal estimation. Raises `ValueError` for numbers below 1. Taught in chapter
    12_latent_autoencoder.

    >>> directions = random_directions(3, 5, generator=torch.Generator().manual_seed(0))
    >>> directions.shape, directions.norm(dim=0).allclose(torch.ones(5))
    (torch.Size([3, 5]), True)
    """
    check_whole(latent, name="latent", least=1), check_whole(count, name="count", least=1)
    if not orthogonal:
        draws = torch.randn(latent, count, generator=generator, dtype=torch.float64)
        return (draws / draws.norm(dim=0)).float()
    blocks = -(-count // latent)
    q, r = torch.linalg.qr(torch.randn(blocks, latent, latent, generator=generator, dtype=torch.float64))
    q = q * r.diagonal(dim1=1, dim2=2).sign()[:, None]
    return q.movedim(0, 1).reshape(latent, -1)[:, :count].float()


def sliced_wasserstein(a: torch.Tensor, b: torch.Tensor, *, directions: torch.Tensor) -> torch.Tensor:
    r"""The mean over directions of the squared Wasserstein distance of the projections, a scalar; differentiable.

        SW = 1/K sum_k W2^2(<a, theta_k>, <b, theta_k>),    W2^2 = int_0^1 (Qa(t) - Qb(t))^2 dt

    Qa and Qb are the quantile functions of the projected samples. For N = M the integral is the mean over i of
    (a_(i) - b_(i))^2, both sides sorted; for N != M it is evaluated exactly, on the union of the steps i/N and j/M.

    Shapes: `a` `(N, d)`, `b` `(M, d)`, `directions` `(d, K)` of length 1. Units: those of the entries, squared. No
    other factor stands before it, and so

        d E_theta[SW] <= W2^2(a, b),   with equality where b is a shifted,

    because the best plan in d dimensions is a plan for each projection, and E <theta, x>^2 = |x|^2 / d.

    A finite batch does not reach 0. Two independent samples of N from one law have, in one direction,
    E[W2^2] = 2/N sum_i Var(X_(i)), with the order statistics X_(i): their means cancel, their variances add. For the
    uniform law on [0, 1], Var = i (N + 1 - i) / ((N + 1)^2 (N + 2)), and the sum gives 1 / (3 (N + 1)); for a law with
    density f and distribution function F it is about 2/N int F (1 - F) / f ds. `same_law_level` measures it. It is not
    a constant of training either: it falls with the spread of the codes. Of the uniform laws on [1/2 - s/2, 1/2 + s/2]
    the one with s = (N - 1) / (N + 1) has the smallest expected value, so batches of N shrink the codes by 2 / (N + 1).

    Raises `ValueError` for shapes that do not fit and directions of other lengths. Source: Rabin et al. (2011); Bonneel
    et al. (2015); as a loss for auto-encoders Kolouri et al. (2018). Taught in chapter 12_latent_autoencoder.

    >>> a = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    >>> float(sliced_wasserstein(a, a + torch.tensor([0.0, 2.0]), directions=torch.eye(2)))  # |shift|^2 / d
    2.0
    """
    check_pair(a, b)
    if not isinstance(directions, torch.Tensor) or directions.ndim != 2 or len(directions) != a.shape[1]:
        raise ValueError(f"directions must be a tensor of shape ({a.shape[1]}, K), got {describe(directions)}")
    if directions.shape[1] == 0:
        raise ValueError(f"at least one direction is needed, got {describe(directions)}")
    lengths = directions.detach().float().norm(dim=0)
    if not (lengths - 1).abs().max() < ROUNDING:
        raise ValueError(f"directions must be columns of length 1, got lengths from {lengths.min()} to {lengths.max()}")
    directions = directions.to(a)
    first, second = ((rows @ directions).T.sort(dim=1).values for rows in (a, b))  # (K, N) and (K, M)
    if len(a) == len(b):
        return (first - second).square().mean()
    places, others, lengths = _steps(len(a), len(b))
    pieces = (first[:, places.to(a.device)] - second[:, others.to(a.device)]).square()
    return (pieces * lengths.to(a)).sum(1).mean()


def _steps(count: int, other: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The pieces on which both quantile functions are constant: the place in each sample, and their lengths.

    In whole units of 1 / (count other), so that no step is lost to rounding.
    """
    ends = torch.cat([torch.arange(count + 1) * other, torch.arange(other + 1) * count]).unique()
    return ends[:-1] // other, ends[:-1] // count, ends.diff().double() / (count * other)


def exact_wasserstein(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    r"""The squared Wasserstein distance of two samples of equal size, a scalar; differentiable.

        W2^2 = min over permutations pi of 1/N sum_i |a_i - b_pi(i)|^2

    An optimal plan between equal weights is a permutation (Birkhoff), so SciPy's assignment solver finds it, in
    O(N^3); the gradient is that of the matched pairs. For two samples of one law it decays only as N^(-2/d) for
    d > 4: in ten dimensions, 32 times as many points halve it. Shapes: `a` and `b` `(N, d)`. Units: those of the
    entries, squared. Raises `ValueError` for shapes that differ. Needs SciPy (extra `training`). Source: Peyre &
    Cuturi (2019), chapter 2. Taught in chapter 12_latent_autoencoder.

    >>> a = torch.tensor([[0.0], [1.0], [5.0]])
    >>> float(exact_wasserstein(a, a.flip(0) + 2))
    4.0
    """
    from scipy.optimize import linear_sum_assignment

    check_pair(a, b)
    if len(a) != len(b):
        raise ValueError(f"an assignment needs two samples of one size, got {describe(a)} and {describe(b)}")
    with torch.no_grad():
        cost = torch.cdist(a.double(), b.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    match = torch.from_numpy(linear_sum_assignment(cost.cpu().numpy())[1]).to(b.device)
    return (a - b[match]).square().sum(1).mean()
