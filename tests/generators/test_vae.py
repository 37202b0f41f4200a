"""The bound against probabilistic PCA, where every density is a closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from deeprestore_lab.generators import VariationalAutoEncoder, train

SIGMA = 0.4


class Linear(nn.Module):
    """z -> W z + b as images `(N, 1, 1, D)`."""

    def __init__(self, W: torch.Tensor, b: torch.Tensor) -> None:
        super().__init__()
        self.W, self.b = nn.Parameter(W), nn.Parameter(b)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return (z @ self.W.T + self.b)[:, None, None]


class Posterior(nn.Module):
    """Mean and log-variances of p(z | x), scaled by `off` to be wrong on purpose. W has orthogonal columns."""

    def __init__(self, decoder: Linear, off: float) -> None:
        super().__init__()
        self.decoder, self.off = decoder, off

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        W = self.decoder.W
        precision = 1 + W.square().sum(0) / SIGMA**2
        m = ((x.flatten(1) - self.decoder.b) @ W) / SIGMA**2 / precision
        return torch.cat([self.off * m, -precision.log().expand_as(m)], dim=1)


def world(off: float = 1.0):
    generator = torch.Generator().manual_seed(0)
    W = torch.linalg.qr(torch.randn(5, 2, generator=generator, dtype=torch.float64)).Q * torch.tensor([1.0, 0.5])
    b = torch.randn(5, generator=generator, dtype=torch.float64)
    decoder = Linear(W.double(), b)
    vae = VariationalAutoEncoder(latent=2, sigma=SIGMA, encoder=Posterior(decoder, off), decoder=decoder).double()
    law = torch.distributions.MultivariateNormal(b, W.double() @ W.double().T + SIGMA**2 * torch.eye(5).double())
    x = b + torch.randn(4, 5, generator=generator, dtype=torch.float64)
    return vae, x[:, None, None], law.log_prob(x)


def mean_bound(vae, x, draws: int = 4000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(draws * len(x), vae.latent, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        return vae.bound(x.repeat(draws, 1, 1, 1), noise).reshape(draws, len(x)).mean(0)


def test_with_the_true_posterior_the_bound_is_the_log_density():
    vae, x, exact = world()
    torch.testing.assert_close(mean_bound(vae, x), exact, atol=0.08, rtol=0)


def test_with_the_true_posterior_each_importance_weight_is_the_density():
    vae, x, exact = world()
    torch.testing.assert_close(vae.log_density(x, samples=3), exact, atol=1e-5, rtol=0)  # log_sigma starts in float32


def test_with_a_wrong_posterior_the_gap_is_its_divergence_and_more_draws_close_it():
    vae, x, exact = world(off=0.5)
    m, v = vae.posterior(x)
    divergence = (m.square() / v.exp()).sum(1) / 2  # of normals of equal variance, means m and 2 m
    torch.testing.assert_close(exact - mean_bound(vae, x), divergence.detach(), atol=0.15, rtol=0.05)
    torch.testing.assert_close(vae.log_density(x, samples=1000), exact, atol=0.15, rtol=0)


def test_the_divergence_is_that_of_torch():
    vae = VariationalAutoEncoder(latent=3, widths=(8,), shape=(1, 2, 2), sigma=0.5)
    x, e = torch.rand(4, 1, 2, 2), torch.zeros(4, 3)
    m, v = vae.posterior(x)
    normal = torch.distributions.Normal
    divergence = torch.distributions.kl_divergence(normal(m, (v / 2).exp()), normal(0.0, 1.0)).sum(1)
    likelihood = normal(vae.decoder(m), 0.5).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(vae.bound(x, e), likelihood - divergence)
    torch.testing.assert_close(vae(x), vae.decoder(m))


def test_the_best_sigma_is_the_root_mean_square_error():
    vae = VariationalAutoEncoder(latent=2, widths=(8,), shape=(1, 3, 3))
    x, e = torch.rand(16, 1, 3, 3), torch.zeros(16, 2)
    error = float((x - vae(x).detach()).square().mean().sqrt())
    vae.log_sigma.data.fill_(math.log(error))
    vae.losses(x, e).mean().backward()
    assert abs(float(vae.log_sigma.grad)) < 1e-3


def test_training_raises_the_bound_on_images_of_one_parameter():
    """Bars of random brightness: one code says all, so sigma falls well below the spread of the pixels."""
    level = torch.rand(400, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    images = (level * torch.linspace(0, 1, 4)).expand(400, 1, 4, 4).contiguous()
    vae = VariationalAutoEncoder(latent=2, widths=(16,), shape=(1, 4, 4), sigma=0.5).initialise(images)
    before = float(vae.log_sigma.detach().exp())
    train(vae, images, steps=120, lr=1e-2, progress=False)
    assert float(vae.log_sigma.detach().exp()) < before / 2


def test_an_encoder_of_another_width_is_refused():
    vae = VariationalAutoEncoder(latent=3, shape=(1, 2, 2), encoder=nn.Flatten())
    with pytest.raises(ValueError, match=r"\(N, 6\)"):
        vae.posterior(torch.zeros(2, 1, 2, 2))
    with pytest.raises(ValueError, match="sigma"):
        VariationalAutoEncoder(sigma=0.0)
