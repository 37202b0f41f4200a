"""What the moved bootstrap interval holds: the expected distance of as many photographs, nine times of ten."""

import torch

from deeprestore_lab.measures.feature_statistics import (
    bootstrap_counts,
    bootstrap_interval,
    photograph_covariances,
    toeplitz_distance,
    toeplitz_floor,
)

SIDE, COUNT, DRAWS, REPEATED = 5, 30, 60, 50


def bordered() -> torch.Tensor:
    """A Markov field with its outer positions damped."""
    place = torch.arange(SIDE).double()
    line = 0.7 ** (place[:, None] - place).abs()
    line[:, [0, -1]] *= 0.85
    line[[0, -1]] *= 0.85
    return torch.kron(line, line)


def test_coverage_of_the_moved_interval_and_bias_of_the_floor() -> None:
    truth, generator = bordered(), torch.Generator().manual_seed(0)
    root, measured, moved, plain, floors = torch.linalg.cholesky(truth), [], [], [], []
    for seed in range(REPEATED):
        white = torch.randn(COUNT, 4, SIDE**2, generator=generator, dtype=torch.float64)
        f = (white @ root.T).view(COUNT, 4, SIDE, SIDE)
        matrices = photograph_covariances(f)
        counts = bootstrap_counts(torch.arange(COUNT), draws=DRAWS, seed=seed).double()
        means = (counts @ matrices.flatten(1)).view(DRAWS, *truth.shape) / COUNT
        values = torch.tensor([toeplitz_distance(mean, SIDE) for mean in means])
        measured.append(toeplitz_distance(matrices.mean(0), SIDE))
        moved.append(bootstrap_interval(values, estimate=measured[-1]))
        plain.append(bootstrap_interval(values))
        floors.append(toeplitz_floor(f))
    expected, limit = sum(measured) / REPEATED, toeplitz_distance(truth, SIDE)

    def held(intervals: list[tuple[float, float]], value: float) -> float:
        return sum(low <= value <= high for low, high in intervals) / REPEATED

    assert 0.78 <= held(moved, expected) <= 1.0  # 0.9 less three deviations of 50 repetitions
    assert held(plain, expected) < held(moved, expected) - 0.2  # most of the distance is noise here
    assert held(moved, limit) < 0.75  # it is no interval for the limit
    squared = torch.tensor(floors).square().mean().sqrt()
    assert abs(squared / limit - 1) < 0.1
