"""A variational auto-encoder: a lower bound on the log-density of images, and samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from deeprestore_lab.core.checks import check_positive, check_seed, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.generators.decoder import Decoder
from deeprestore_lab.networks import leaky_layers
from deeprestore_lab.networks.bounded_autoencoder import WIDTHS


class VariationalAutoEncoder(nn.Module):
    r"""log p(x) >= E_q log N(x; D(z), s^2 I) - KL(q || N(0, I)), q = N(m(x), diag exp(v(x))), z = m + exp(v/2) e.

    The gap is KL(q || p(z | x)), so the bound is the log-density only where q is the posterior. Here KL = 1/2 sum (m^2
    + exp(v) - 1 - v), and s is learned with the rest, one for all pixels (`log_sigma`, from `sigma`): at the best s,
    s^2 is the mean squared error, so no weight has to be chosen between the two terms.

    The encoder gives (m, v) side by side. With none given both have the auto-encoder's widths, and the encoder sees x -
    0.5. Shapes: images `(N, *shape)`, codes `(N, latent)`. Units: x in [0, 1], bounds in nats, for densities with
    respect to the volume of x. Raises `ValueError` for settings that do not fit. Source: Kingma & Welling (2014),
    "Auto-encoding variational Bayes", equations 3 and 10; the learned s: Rybkin, Daniilidis & Levine (2021). Taught in
    chapter 13_generators.

    >>> vae = VariationalAutoEncoder(latent=4, widths=(16,), shape=(1, 8, 8))
    >>> vae.sample(5).shape
    torch.Size([5, 1, 8, 8])
    """

    def __init__(
        self,
        *,
        latent: int = 10,
        widths: Sequence[int] = WIDTHS,
        shape: tuple[int, int, int] = (1, 28, 28),
        sigma: float = 0.2,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.latent = self.noise = check_whole(latent, name="latent", least=1)
        if encoder is None:
            with seeded(seed):
                encoder = leaky_layers([math.prod(shape), *widths, 2 * self.latent])
            encoder[-1].weight.data.mul_(0.1)  # q starts near the prior
            encoder = nn.Sequential(nn.Flatten(), _Shift(-0.5), encoder)
        self.encoder = encoder
        self.decoder = decoder or Decoder(latent=latent, widths=widths, shape=shape, seed=seed + 1)
        self.log_sigma = nn.Parameter(torch.tensor(math.log(check_positive(sigma, name="sigma", single=True))))

    def posterior(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """m and v of q(z | x), `(N, latent)` each: means and log-variances."""
        moments = self.encoder(check_together(x, self, names=("x", "the encoder")))
        if moments.shape != (len(x), 2 * self.latent):
            raise ValueError(f"the encoder must give (N, {2 * self.latent}), got {describe(moments)}")
        return moments.chunk(2, dim=1)

    def bound(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The bound `(N,)` in nats, its expectation by one draw: `noise` e `(N, latent)` is standard normal."""
        m, v = self.posterior(x)
        divergence = (m.square() + v.exp() - 1 - v).sum(1) / 2
        return self._log_likelihood(x, m + (v / 2).exp() * noise) - divergence

    @torch.no_grad()
    def log_density(self, x: torch.Tensor, *, samples: int = 100, seed: int = 0) -> torch.Tensor:
        r"""log 1/K sum_k p(x | z_k) p(z_k) / q(z_k | x), `(N,)` in nats, with K = `samples` draws of q.

        Its expectation is still a lower bound, never falls with K, and goes to log p(x). Source: Burda, Grosse &
        Salakhutdinov (2016), "Importance weighted autoencoders", equation 8.
        """
        generator = torch.Generator().manual_seed(check_seed(seed))
        m, v = self.posterior(x)
        weights = []
        for _ in range(check_whole(samples, name="samples", least=1)):
            e = torch.randn(m.shape, generator=generator).to(m)
            z = m + (v / 2).exp() * e
            log_ratio = (e.square() + v - z.square()).sum(1) / 2  # log p(z) - log q(z | x)
            weights.append(self._log_likelihood(x, z) + log_ratio)
        return torch.stack(weights).logsumexp(0) - math.log(samples)

    def losses(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Minus the bound, `(N,)` in nats: what `train` lowers."""
        return -self.bound(x, noise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """D(m(x)), a reconstruction."""
        return self.decoder(self.posterior(x)[0])

    @torch.no_grad()
    def sample(self, count: int, *, seed: int = 0) -> torch.Tensor:
        """`(count, *shape)`: means D(z) of normal z. A draw of p(x) has noise of s on top, which pictures leave out."""
        generator = torch.Generator().manual_seed(check_seed(seed))
        z = torch.randn(check_whole(count, name="count", least=1), self.latent, generator=generator)
        return self.decoder(z.to(self.log_sigma))

    @torch.no_grad()
    def initialise(self, images: torch.Tensor) -> VariationalAutoEncoder:
        """Start the decoder at the mean of `images`, and s at their spread about it; gives the model back."""
        self.decoder.initialise(images)
        self.log_sigma.copy_((images - images.mean(0)).square().mean().sqrt().clamp(min=1e-3).log())
        return self

    def _log_likelihood(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        residual = (x - self.decoder(z)).flatten(1)
        constant = residual.shape[1] * (self.log_sigma + math.log(2 * math.pi) / 2)
        return -residual.square().sum(1) / (2 * torch.exp(2 * self.log_sigma)) - constant


class _Shift(nn.Module):
    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.shift
