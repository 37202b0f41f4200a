"""An auto-encoder whose codes lie in a cube: the generator and the projection of chapters 12 and 13."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from deeprestore_lab.core.checks import check_choice, check_images, check_seed, check_whole, describe
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.networks.trained import trained

WIDTHS = (256, 128)
SLOPE = 0.2
SCALE = 0.3
KINDS = ("naive", "mended")
LATENTS = (8, 10, 12)


def leaky_layers(widths: Sequence[int]) -> nn.Sequential:
    r"""h_k = l(W_k h_{k-1} + b_k), the last without l, and l(t) = max(t, 0.2 t): `(N, widths[0])` to `(N, widths[-1])`.

    Weights are normal with variance 2 / ((1 + 0.2^2) inputs), which keeps the mean square from layer to layer, drawn
    from torch's global generator; biases are zero. Raises `ValueError` for fewer than two widths. Source: He et al.
    (2015), "Delving deep into rectifiers", equation 15. Taught in chapter 12_latent_autoencoder.

    >>> leaky_layers([784, 512, 10])(torch.zeros(3, 784)).shape
    torch.Size([3, 10])
    """
    if len(widths) < 2:
        raise ValueError(f"layers need the widths of their input and their output at least, got {list(widths)}")
    widths = [check_whole(width, name="a width", least=1) for width in widths]
    layers: list[nn.Module] = []
    for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
        linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_normal_(linear.weight, a=SLOPE, nonlinearity="leaky_relu")
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers[:-1])


def check_code_length(u: torch.Tensor, latent: int) -> torch.Tensor:
    """Return `u` if it is a float tensor `(N, latent)`, else raise `ValueError`."""
    if not isinstance(u, torch.Tensor) or u.ndim != 2 or u.shape[1] != latent or not u.is_floating_point():
        raise ValueError(f"codes must be a float tensor (N, {latent}), got {describe(u)}")
    return u


def start_at(mean: torch.Tensor, last: nn.Linear) -> None:
    """Let a decoder whose `last` layer a sigmoid follows start near the image `mean`, clamped to [0.01, 0.99].

    Its weights are multiplied by 0.1 and its biases are the logit of the mean.
    """
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.copy_(mean.clamp(0.01, 0.99).logit().flatten())


class BoundedAutoEncoder(nn.Module):
    r"""D(E(x)) with u = E(x) = sigmoid(f((x - m) / 0.3)) in (0, 1)^d and D(u) = sigmoid(h(2 u - 1)) in (0, 1).

    f and h are `leaky_layers`, of widths C H W, `widths`, d and the same in reverse. `latent` is d; images are
    `(N, *shape)` in [0, 1], codes u `(N, d)`, points of the cube. The mean image m and the scale 0.3 are buffers; m is
    zero until `initialise`. `seed` makes the weights repeatable. Raises `ValueError` for settings, images or codes that
    do not fit. Taught in chapters 12_latent_autoencoder and 13_generators.

    >>> model = BoundedAutoEncoder(latent=8)
    >>> u = model.encode(torch.rand(5, 1, 28, 28))
    >>> u.shape, model.decode(u).shape
    (torch.Size([5, 8]), torch.Size([5, 1, 28, 28]))
    """

    def __init__(
        self,
        *,
        latent: int = 10,
        widths: Sequence[int] = WIDTHS,
        shape: tuple[int, int, int] = (1, 28, 28),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.latent = check_whole(latent, name="latent", least=1)
        if not isinstance(shape, tuple | list) or len(shape) != 3:
            raise ValueError(f"shape must be that of one image, (C, H, W), got {describe(shape)}")
        self.shape = tuple(check_whole(n, name="a side of shape", least=1) for n in shape)
        self.seed = check_seed(seed)
        sizes = [math.prod(self.shape), *widths, self.latent]
        with seeded(self.seed):
            self.encoder, self.decoder = leaky_layers(sizes), leaky_layers(sizes[::-1])
        self.register_buffer("mean", torch.zeros(self.shape))
        self.register_buffer("scale", torch.tensor(SCALE))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """The codes E(x) of images `(N, *shape)`, `(N, latent)` in (0, 1)."""
        if tuple(check_images(x).shape[1:]) != self.shape:
            raise ValueError(f"images must have the shape (N, {', '.join(map(str, self.shape))}), got {describe(x)}")
        return torch.sigmoid(self.encoder(self._standardised(check_together(x, self))))

    def decode(self, u: torch.Tensor) -> torch.Tensor:
        """The images D(u) of codes `(N, latent)`, `(N, *shape)` in (0, 1)."""
        check_together(check_code_length(u, self.latent), self, names=("u", "the decoder"))
        return torch.sigmoid(self.decoder(2 * u - 1)).unflatten(1, self.shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(x))

    @torch.no_grad()
    def initialise(self, images: torch.Tensor) -> BoundedAutoEncoder:
        r"""Start anew from what `images` `(N, *shape)` in [0, 1] look like, N of at least 2; gives the model back.

        The weights of the seed are drawn again. m becomes the mean image; the last layer of f is scaled so that its
        outputs have standard deviation 1 (over images and coordinates together), so that codes fill the cube; the last
        weights of h are multiplied by 0.1 and its last biases are logit(m), m clamped to [0.01, 0.99], so that the
        decoder starts near the mean image. From PyTorch's own start on raw pixels the codes of digits fall into one
        point and stay; the standardised input is what keeps them apart. Raises `ValueError` for images of another
        shape, fewer than 2, or all alike.
        """
        if tuple(check_images(images, name="images").shape[1:]) != self.shape or len(images) < 2:
            raise ValueError(f"images must be at least 2 of shape {self.shape}, got {describe(images)}")
        fresh = BoundedAutoEncoder(latent=self.latent, widths=self._widths(), shape=self.shape, seed=self.seed)
        self.load_state_dict(fresh.state_dict())
        self.mean.copy_(images.mean(0))
        spread = self.encoder(self._standardised(images.to(self.mean))).std()
        if not spread > 0:
            raise ValueError("images are all alike, or not finite; a start needs images that differ")
        self.encoder[-1].weight.div_(spread)
        start_at(self.mean, self.decoder[-1])
        return self

    def _standardised(self, x: torch.Tensor) -> torch.Tensor:
        return ((x - self.mean) / self.scale).flatten(1)

    def _widths(self) -> list[int]:
        return [layer.out_features for layer in self.encoder if isinstance(layer, nn.Linear)][:-1]


def latent_autoencoder(kind: str, *, latent: int = 10) -> BoundedAutoEncoder:
    r"""A shipped auto-encoder of MNIST's digits with codes in [0, 1]^latent.

    `kind`: "naive", trained by E ||D(E(x)) - x||^2 alone, or "mended", with terms that fill the cube. `latent`: 8, 10
    or 12. Images `(N, 1, 28, 28)` in [0, 1]. The card is `artifacts.card("latent_autoencoders", kind="weights")`.
    Parameters take no gradients; those with respect to images and codes work. Raises `ValueError` for another kind or
    another length. Taught in chapter 12_latent_autoencoder.

    >>> latent_autoencoder("naive", latent=9)
    Traceback (most recent call last):
    ValueError: latent must be one of 8, 10, 12; got 9
    """
    check_choice(kind, KINDS, name="kind")
    if check_whole(latent, name="latent") not in LATENTS:
        raise ValueError(f"latent must be one of {', '.join(map(str, LATENTS))}; got {latent}")
    return trained(BoundedAutoEncoder(latent=latent), "latent_autoencoders", part=f"{kind}-{latent}")
