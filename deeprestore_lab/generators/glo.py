"""Generative latent optimisation: each training image has a code of its own, learned together with the decoder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import mse_loss

from deeprestore_lab.core.checks import check_choice, check_images, check_seed, check_whole, describe
from deeprestore_lab.generators.autoencoder import normal_like
from deeprestore_lab.generators.decoder import Decoder
from deeprestore_lab.networks.bounded_autoencoder import WIDTHS
from deeprestore_lab.training import History, fit, step_generator

SETS = ("ball", "cube")


def projected(codes: torch.Tensor, *, within: str) -> torch.Tensor:
    r"""The nearest points of the unit ball, z / max(1, |z|), or of the cube [0, 1]^d, to `codes` `(N, d)`.

    Raises `ValueError` for a set without a name here. Source: Bojanowski et al. (2018), section 3.2, for the ball.
    Taught in chapter 13_generators.

    >>> projected(torch.tensor([[3.0, 4.0]]), within="ball")
    tensor([[0.6000, 0.8000]])
    """
    if check_choice(within, SETS, name="within") == "cube":
        return codes.clamp(0, 1)
    return codes / codes.norm(dim=1, keepdim=True).clamp(min=1)


def principal_start(images: torch.Tensor, latent: int, *, within: str) -> torch.Tensor:
    r"""Codes `(N, latent)` from the first principal components of `images` `(N, ...)`, each of equal spread.

    With scores t of mean 0 and variance 1, codes are t / sqrt(d), then projected, in the ball, and the normal
    distribution function of t in the cube. Raises `ValueError` for fewer components than `latent`. Source: Bojanowski
    et al. (2018), section 3.2. Taught in chapter 13_generators.

    >>> principal_start(torch.rand(9, 1, 4, 4), 3, within="cube").shape
    torch.Size([9, 3])
    """
    rows = images.flatten(1) - images.flatten(1).mean(0)
    if check_whole(latent, name="latent", least=1) > min(len(rows) - 1, rows.shape[1]):
        raise ValueError(f"{describe(images)} has fewer than {latent} principal components")
    _, vectors = torch.linalg.eigh(rows.T @ rows)
    scores = rows @ vectors[:, -latent:].flip(1)
    scores = scores / scores.std(0, correction=0).clamp(min=1e-12)
    cube = check_choice(within, SETS, name="within") == "cube"
    return torch.special.ndtr(scores) if cube else projected(scores / latent**0.5, within="ball")


class GLO(nn.Module):
    r"""min over D and z_1, ..., z_n of the mean of |D(z_i) - x_i|^2, each z_i in the unit ball or the cube.

    There is no encoder: the code of a new image is searched for. Nor is there a density; samples are D of the normal
    law with the codes' mean and covariance, projected, as the source has it. Codes `(N, latent)` are the parameter
    `codes`, from `images` `(N, C, H, W)` in [0, 1]: from "principal" components or "random" in the set. Codes and
    decoder lie on the device of the images.

    Differs from the source: squared error in place of a loss on Laplacian pyramids. Raises `ValueError` for settings
    that do not fit. Source: Bojanowski, Joulin, Lopez-Paz & Szlam (2018), "Optimizing the latent space of generative
    networks", equation 2. Taught in chapter 13_generators.

    >>> model = GLO(torch.rand(20, 1, 8, 8), latent=4, widths=(16,))
    >>> history = train_glo(model, torch.rand(20, 1, 8, 8), steps=5, batch=10)
    >>> model.sample(3).shape
    torch.Size([3, 1, 8, 8])
    """

    def __init__(
        self,
        images: torch.Tensor,
        *,
        latent: int = 10,
        widths: Sequence[int] = WIDTHS,
        within: str = "ball",
        start: str = "principal",
        seed: int = 0,
    ) -> None:
        super().__init__()
        shape = tuple(check_images(images, name="images").shape[1:])
        self.within, self.latent = check_choice(within, SETS, name="within"), latent
        if check_choice(start, ("principal", "random"), name="start") == "principal":
            codes = principal_start(images, latent, within=within)
        else:
            generator = torch.Generator().manual_seed(check_seed(seed))
            draw = torch.rand if within == "cube" else torch.randn
            codes = draw(len(images), latent, generator=generator).to(images)
            codes = projected(codes if within == "cube" else codes / latent**0.5, within=within)
        self.codes = nn.Parameter(codes)
        decoder = Decoder(latent=latent, widths=widths, shape=shape, seed=seed).to(images.device)
        self.decoder = decoder.initialise(images)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """D(z) `(N, *shape)` of codes `(N, latent)` in the set."""
        return self.decoder(2 * z - 1 if self.within == "cube" else self.latent**0.5 * z)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """D(z_i) for the training images `rows` `(N,)`, whole numbers."""
        return self.decode(self.codes[rows])

    @torch.no_grad()
    def sample(self, count: int, *, seed: int = 0) -> torch.Tensor:
        """`(count, *shape)`: D of normal codes with the learned codes' mean and covariance, projected."""
        generator = torch.Generator().manual_seed(check_seed(seed))
        z = normal_like(self.codes, check_whole(count, name="count", least=1), generator=generator)
        return self.decode(projected(z, within=self.within))


def train_glo(
    model: GLO,
    images: torch.Tensor,
    *,
    steps: int,
    batch: int = 128,
    lr: float | Callable[[int], float] = 1e-3,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    accelerator: str = "cpu",
    progress: bool | None = None,
) -> History:
    r"""Lower GLO's loss on the `images` the model was made for, by `training.fit`; codes are projected at each step.

    Adam moves the decoder and the codes at one rate. A code is drawn once in N / batch steps. Its second moment is a
    mean over a thousand steps, in most of which it was not drawn, so a visit moves it by about 20 `lr`. Raises
    `ValueError` for another number of images than codes. Taught in chapter 13_generators.
    """
    if len(check_images(images, name="images")) != len(model.codes):
        raise ValueError(f"the model has {len(model.codes)} codes, got {describe(images)}")
    seed, batch = check_seed(seed), check_whole(batch, name="batch", least=1)

    @torch.no_grad()
    def project() -> None:
        model.codes.copy_(projected(model.codes, within=model.within))

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        project()  # after the step before
        generator = step_generator(seed, step)
        rows = torch.randint(len(images), (batch,), generator=generator)
        return rows, images[rows]

    history = fit(
        model,
        draw,
        steps=steps,
        loss=mse_loss,
        lr=lr,
        checkpoint=checkpoint,
        accelerator=accelerator,
        label="training a GLO",
        progress=progress,
    )
    project()
    return history
