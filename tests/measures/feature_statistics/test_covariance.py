"""Covariance over positions: Gaussian fields of known covariance, dense numpy, and what each centring changes."""

import numpy as np
import pytest
import torch

from deeprestore_lab.measures.feature_statistics import (
    CENTRINGS,
    bootstrap_counts,
    photograph_covariances,
    spatial_covariance,
    standardised,
)


def maps(count: int, channels: int, side: int, seed: int) -> torch.Tensor:
    """Maps with a mean of their own at each position and channel, and another scale for each channel."""
    draw = torch.Generator().manual_seed(seed)
    f = torch.randn(count, channels, side, side, generator=draw, dtype=torch.float64)
    f = f + 0.5 * f.roll(1, 3) + torch.randn(channels, side, side, generator=draw, dtype=torch.float64)
    return f * torch.arange(1.0, channels + 1)[:, None, None]


def by_hand(f: np.ndarray, centring: str) -> np.ndarray:
    """Loops over channels, as the definition reads."""
    count, channels, height, width = f.shape
    total = np.zeros((height * width, height * width))
    for c in range(channels):
        rows = f[:, c].reshape(count, -1)
        mean = {
            "position": rows.mean(0),
            "channel": rows.mean(),
            "map": rows.mean(1, keepdims=True),
            "none": 0.0,
        }[centring]
        rows = rows - mean
        total += (
            np.cov(rows.T, bias=True) / rows.var()
            if centring == "position"
            else rows.T @ rows / (count * (rows**2).mean())
        )
    return total / channels


@pytest.mark.parametrize("centring", CENTRINGS)
def test_against_loops(centring: str) -> None:
    f = maps(12, 3, 3, seed=0)
    found = spatial_covariance(f, centring=centring)
    assert np.allclose(found, by_hand(f.numpy(), centring), atol=1e-12)
    assert found.trace() == pytest.approx(9)


def test_gaussian_field_of_known_covariance() -> None:
    """x = (1 + S) n with S a shift: the covariance has 1.25 and 0.5 off by one; many draws come near to it."""
    draw = torch.Generator().manual_seed(1)
    noise = torch.randn(4000, 2, 3, 5, generator=draw, dtype=torch.float64)
    f = noise[..., 1:] + 0.5 * noise[..., :-1]  # (4000, 2, 3, 4)
    line = torch.eye(4) * 1.25 + 0.5 * (torch.eye(4).roll(1, 0).tril() + torch.eye(4).roll(1, 0).tril().T)
    truth = torch.kron(torch.eye(3), line).double() / 1.25
    assert (spatial_covariance(f) - truth).abs().max() < 5 / 8000**0.5


def test_counts_are_copies() -> None:
    f, counts = maps(4, 2, 3, seed=2), torch.tensor([2, 0, 1, 3])
    copies = f.repeat_interleave(counts, dim=0)
    assert torch.allclose(spatial_covariance(f, counts=counts), spatial_covariance(copies), atol=1e-12)
    z, shares = standardised(f, counts=counts)
    assert torch.allclose((shares[:, None, None, None] * z).sum(0), torch.zeros(2, 3, 3).double(), atol=1e-12)


def test_own_mean_of_a_map_leaves_no_inverse() -> None:
    own = spatial_covariance(maps(300, 2, 3, seed=3), centring="map")
    assert (own @ torch.ones(9).double()).abs().max() < 1e-12
    assert torch.linalg.eigvalsh(spatial_covariance(maps(300, 2, 3, seed=3)))[0] > 0.01


def test_channels_that_never_vary_are_left_out() -> None:
    f = maps(10, 2, 3, seed=4)
    dead = torch.cat([f, torch.full((10, 1, 3, 3), 7.0).double()], 1)
    assert torch.allclose(spatial_covariance(dead), spatial_covariance(f))
    with pytest.raises(ValueError, match="no channel"):
        spatial_covariance(torch.ones(3, 2, 2, 2))


def test_what_does_not_fit() -> None:
    f = maps(4, 1, 2, seed=5)
    with pytest.raises(ValueError, match="centring"):
        spatial_covariance(f, centring="mean")
    with pytest.raises(ValueError, match="f must be finite"):
        spatial_covariance(f * float("nan"))
    with pytest.raises(ValueError, match="one for each map"):
        spatial_covariance(f, counts=torch.ones(3))
    with pytest.raises(ValueError, match="at least 0"):
        spatial_covariance(f, counts=torch.tensor([1.0, -1.0, 1.0, 1.0]))


def test_photographs_are_drawn_whole() -> None:
    groups = torch.tensor([0, 0, 0, 1, 2, 2])
    counts = bootstrap_counts(groups, draws=300, seed=0)
    assert (counts[:, 0] == counts[:, 2]).all() and (counts[:, 4] == counts[:, 5]).all()
    assert (counts[:, [0, 3, 4]].sum(1) == 3).all()
    assert counts[:, 3].mean() == pytest.approx(1, abs=0.15)


def test_photographs_own_matrices_make_the_covariance_and_its_resamplings() -> None:
    f, groups = maps(6, 2, 3, seed=6), torch.tensor([0, 0, 1, 1, 2, 2])
    own = photograph_covariances(f, groups=groups)
    assert own.shape == (3, 9, 9)
    assert torch.allclose(own.mean(0), spatial_covariance(f), atol=1e-12)
    z, _ = standardised(f)
    second = z[2:4].flatten(0, 1).flatten(1)
    assert torch.allclose(own[1], second.T @ second / 4, atol=1e-12)
