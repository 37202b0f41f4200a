import pytest
import torch

from deeprestore_lab.measures.feature_noise import feature_noise


def test_of_a_linear_map_it_is_the_norm_of_its_matrix():
    """E ||A n||^2 sigma^2 = sigma^2 ||A||_F^2, over ||A x||^2."""
    A = torch.randn(50, 3 * 64, generator=torch.Generator().manual_seed(0))
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))

    def phi(x):
        return (x.flatten(1) @ A.T)[:, :, None, None]

    wanted = 0.05**2 * A.square().sum() / phi(x).square().sum((1, 2, 3))
    found = torch.stack([feature_noise(phi, x, sigma=0.05, seed=seed) for seed in range(40)]).mean(0)
    torch.testing.assert_close(found, wanted, rtol=0.15, atol=0)


def test_a_level_in_bytes_is_refused():
    with pytest.raises(ValueError, match="sigma|level"):
        feature_noise(lambda x: x, torch.rand(1, 1, 4, 4), sigma=25.0)
