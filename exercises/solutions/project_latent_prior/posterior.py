"""Step 5: denoising and inpainting by the posterior."""

import torch

from autoencoder import AutoEncoder

TEMPERATURE = 0.02
SMOOTH = 0.1  # the norm's root gets this squared: a gradient at zero
STEPS, IMAGE_LR, LATENT_LR = 200, 0.05, 0.05


def negative_log_posterior(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    mask: torch.Tensor,
    sigma: float,
    model: AutoEncoder,
    temperature: float = TEMPERATURE,
) -> torch.Tensor:
    """|mask x - y|^2 / (2 sigma^2) + |D(E(x)) - x| / T: `(N,)`."""
    apart = (model(x) - x).square().flatten(1).sum(1)
    prior = (apart + SMOOTH**2).sqrt() - SMOOTH
    return negative_log_likelihood(x, y, mask, sigma) + prior / temperature


def negative_log_likelihood(
    x: torch.Tensor, y: torch.Tensor, mask: torch.Tensor, sigma: float
) -> torch.Tensor:
    """|mask x - y|^2 / (2 sigma^2): one value per image, `(N,)`.

    Without noise, half the square: it is least where the limit of small sigma
    is.
    """
    squares = (mask * x - y).square().flatten(1).sum(1)
    return squares / (2 * (sigma or 1.0) ** 2)


def with_known(
    x: torch.Tensor, y: torch.Tensor, mask: torch.Tensor, sigma: float
) -> torch.Tensor:
    """x, with the known pixels of y in their places where there is no noise."""
    return x if sigma else mask * y + (1 - mask) * x


def restore_image(
    y: torch.Tensor,
    *,
    mask: torch.Tensor,
    sigma: float,
    model: AutoEncoder,
    temperature: float = TEMPERATURE,
) -> torch.Tensor:
    """Descend from y, whose unknown pixels are zero, held in [0, 1].

    Without noise the likelihood is a wall: known pixels stay, the prior alone
    moves the others, and T only scales it.
    """

    def energy(x):
        return negative_log_posterior(
            with_known(x, y, mask, sigma),
            y,
            mask=mask,
            sigma=sigma,
            model=model,
            temperature=temperature,
        )

    x = _descend(energy, y.clamp(0, 1), lr=IMAGE_LR)
    return with_known(x, y, mask, sigma)


def restore_latent(
    y: torch.Tensor,
    *,
    mask: torch.Tensor,
    sigma: float,
    model: AutoEncoder,
    starts: torch.Tensor,
) -> torch.Tensor:
    """The best D(u) of all starts, each image by itself.

    On the decoder's images the prior is taken as flat, so what is left of the
    posterior is the likelihood of D(u), and u uniform in the cube.
    """
    count = len(starts)
    repeated = y.repeat(count, 1, 1, 1)

    def energy(u):
        return negative_log_likelihood(model.decode(u), repeated, mask, sigma)

    u = _descend(energy, starts.flatten(0, 1), lr=LATENT_LR)
    best = energy(u).reshape(count, -1).argmin(0)
    found = u.reshape(starts.shape)[best, torch.arange(len(y))]
    return with_known(model.decode(found), y, mask, sigma)


def _descend(energy, start: torch.Tensor, *, lr: float) -> torch.Tensor:
    """Adam with a falling step, projected on [0, 1] after each.

    Rows of a batch do not meet: Adam scales each number by itself, and the
    sum over rows has for each row the gradient of its own energy.
    """
    value = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([value], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        optimiser.zero_grad()
        energy(value).sum().backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            value.clamp_(0, 1)
    return value.detach()
