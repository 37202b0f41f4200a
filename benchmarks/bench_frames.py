"""Least squares from noisy responses, by one division in the Fourier basis, against two ways that know less.

The problem is argmin of ||A x - r||^2 for the responses of a grey photograph to a bank of filters, with noise of
sigma = 10/255 on each. The peers are conjugate gradients on A*A x = A* r, whose products with A and A* are the same
fast transforms, stopped at a relative residual of 1e-5; and a dense Cholesky solve, handed the matrix of A*A, which is
not timed. Goals, set before measuring: 10 times as fast as conjugate gradients where the bank is not tight, 2 times
where it is (they then end after one step), 1000 times as fast as the dense solve of 64 x 64 pixels. The
transfer functions of the bank are made before the clock starts, for both sides. A row fails where the two solutions
differ by more than 1e-3.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.timing import timed
from deeprestore_lab.images.named_photographs import photograph
from deeprestore_lab.images.noise import gaussian_noise
from deeprestore_lab.images.transforms import to_grey
from deeprestore_lab.operators import FilterBank
from deeprestore_lab.signal.filters import framelets, gabor_filters, impulse, join
from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients

SIGMA, TOLERANCE, ALIKE = 10 / 255, 1e-5, 1e-3
BANKS = {"16 Gabor filters and an impulse": join(gabor_filters(), impulse()), "9 framelets": framelets()}
GOALS = {"16 Gabor filters and an impulse": 10.0, "9 framelets": 2.0}
DENSE_GOAL = 1000.0

Solver = Callable[[], torch.Tensor]


def problem(bank: torch.Tensor, size: int) -> tuple[FilterBank, torch.Tensor]:
    """The operator and the noisy responses `(1, 1, K, size, size)`."""
    A = FilterBank(bank)
    r = A(to_grey(photograph("astronaut", size=size)))
    return A, r + gaussian_noise(r, sigma=SIGMA, seed=0)


def by_conjugate_gradients(A: FilterBank, r: torch.Tensor) -> torch.Tensor:
    """The peer that knows A and A* only."""
    return conjugate_gradients(lambda v: A.adjoint(A.apply(v)), A.adjoint(r), tolerance=TOLERANCE)[0]


def normal_matrix(A: FilterBank, size: int) -> torch.Tensor:
    """A*A for `size` x `size` pixels, dense: each row is the first one, moved."""
    first = torch.zeros(1, 1, size, size, dtype=torch.float64)
    first[..., 0, 0] = 1
    row = A.adjoint(A.apply(first))[0, 0]
    step = (torch.arange(size)[:, None] - torch.arange(size)) % size
    blocks = row[step[:, None, :, None], step[None, :, None, :]]  # (i, k, j, l): pixel (i, k) from pixel (j, l)
    return blocks.reshape(size * size, size * size).float()


def by_dense_solve(matrix: torch.Tensor, A: FilterBank, r: torch.Tensor) -> torch.Tensor:
    """The peer that knows a matrix only."""
    right = A.adjoint(r)
    factor = torch.linalg.cholesky(matrix)
    return torch.cholesky_solve(right.reshape(-1, 1), factor).reshape(right.shape)


def compare(name: str, ours: Solver, peer: str, theirs: Solver, goal: float, *, turns: int) -> dict:
    """Both sides in turns, the best of each counts."""
    ours(), theirs()  # caches
    times = [(timed(ours), timed(theirs)) for _ in range(turns)]
    own_s, peer_s = (min(turn[side][0] for turn in times) for side in (0, 1))
    apart = float((times[0][0][1] - times[0][1][1]).abs().max())
    return {
        "name": name,
        "ours_s": own_s,
        "peer": peer,
        "peer_s": peer_s,
        "ratio": peer_s / own_s,
        "goal": f"{goal:g} times as fast",
        "met": peer_s / own_s >= goal and apart <= ALIKE,
        "note": f"solutions differ by {apart:.1e} at most; best of {turns} turns",
    }


def run(*, size: int = 256, dense: int = 64, turns: int = 5) -> list[dict]:
    """Each bank against conjugate gradients, and the first one against the dense solve."""
    rows = []
    for name, bank in BANKS.items():
        A, r = problem(bank, size)
        title = f"least squares, {name}, {size} x {size}"
        pair = (lambda A=A, r=r: A.pseudo_inverse(r)), (lambda A=A, r=r: by_conjugate_gradients(A, r))
        rows.append(compare(title, pair[0], "conjugate gradients", pair[1], GOALS[name], turns=turns))
    name, bank = next(iter(BANKS.items()))
    A, r = problem(bank, dense)
    matrix = normal_matrix(A, dense)
    title = f"least squares, {name}, {dense} x {dense}"
    pair = (lambda: A.pseudo_inverse(r)), (lambda: by_dense_solve(matrix, A, r))
    return [*rows, compare(title, pair[0], "dense solve", pair[1], DENSE_GOAL, turns=2 * turns)]


if __name__ == "__main__":
    torch.set_num_threads(2)
    for row in run():
        print(row)
