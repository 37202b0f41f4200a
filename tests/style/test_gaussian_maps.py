"""Matching a full covariance: against SciPy's matrix roots, the distance of two Gaussians, and AdaIN."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from deeprestore_lab.style import adaptive_instance_normalisation, match_covariance
from deeprestore_lab.style.gaussian_maps import WAYS


def maps(channels: int, side: int, *, seed: int) -> torch.Tensor:
    """Correlated channels, double precision."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    white = torch.randn(channels, side * side, generator=generator, dtype=torch.float64)
    return (mixing @ white + torch.arange(channels)[:, None]).reshape(1, channels, side, side)


def moments(f: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    values = f.flatten(2)[0].numpy()
    return values.mean(1), np.cov(values)


F, STYLE = maps(4, 9, seed=0), maps(4, 7, seed=1)


@pytest.mark.parametrize("way", WAYS)
def test_mean_and_covariance_are_the_styles(way):
    found, expected = moments(match_covariance(F, STYLE, way=way, eps=0.0)), moments(STYLE)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-9)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-9)


def test_both_ways_are_scipys():
    (_, a), (_, b) = moments(F), moments(STYLE)
    root = sqrtm(a)
    inverse = np.linalg.inv(root)
    expected = {"transport": inverse @ sqrtm(root @ b @ root) @ inverse, "whitening": sqrtm(b) @ inverse}
    values = F.flatten(2)[0].numpy()
    for way, t in expected.items():
        found = match_covariance(F, STYLE, way=way, eps=0.0).flatten(2)[0].numpy()
        there = t.real @ (values - values.mean(1, keepdims=True)) + STYLE.mean((0, 2, 3)).numpy()[:, None]
        np.testing.assert_allclose(found, there, atol=1e-8)


def test_transport_moves_as_little_as_two_gaussians_allow_and_whitening_more():
    (mu, a), (nu, b) = moments(F), moments(STYLE)
    a = a * 80 / 81  # what the mean of squares over positions sees
    b = b * 80 / 81
    root = sqrtm(a)
    bound = ((mu - nu) ** 2).sum() + np.trace(a + b - 2 * sqrtm(root @ b @ root).real)
    moved = {way: float((match_covariance(F, STYLE, way=way, eps=0.0) - F).square().sum(1).mean()) for way in WAYS}
    assert moved["transport"] == pytest.approx(bound, rel=1e-9)
    assert moved["whitening"] > 1.01 * bound


@pytest.mark.parametrize("way", WAYS)
def test_where_channels_are_uncorrelated_it_is_adain(way):
    values = F.flatten(2)[0]
    white = torch.linalg.qr((values - values.mean(1, keepdim=True)).T).Q.T  # rows with mean 0, orthogonal
    f = (torch.tensor([[1.0], [2.0], [0.5], [3.0]]) * white).reshape(F.shape)
    style = (torch.tensor([[2.0], [0.3], [1.0], [1.0]]) * white + 1).reshape(F.shape)
    torch.testing.assert_close(
        match_covariance(f, style, way=way, eps=0.0), adaptive_instance_normalisation(f, style, eps=0.0)
    )


def test_fewer_positions_than_channels_stay_finite():
    f, style = torch.rand(1, 12, 2, 3), torch.rand(1, 12, 5, 5)
    for way in WAYS:
        there = match_covariance(f, style, way=way)
        assert there.isfinite().all()
        torch.testing.assert_close(there.mean((2, 3)), style.mean((2, 3)))


def test_alpha_blends():
    whole = match_covariance(F, STYLE)
    torch.testing.assert_close(match_covariance(F, STYLE, alpha=0.3), 0.7 * F + 0.3 * whole)


def test_other_ways_and_maps_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="way must be one of 'transport', 'whitening'"):
        match_covariance(F, STYLE, way="colouring")
    with pytest.raises(ValueError, match="style"):
        match_covariance(F, STYLE[:, :3])
    with pytest.raises(ValueError, match="two positions"):
        match_covariance(F[..., :1, :1], STYLE)
