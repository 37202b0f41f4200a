"""Two networks to set beside the deep image prior: one blind to neighbourhood, one built on it."""

import torch
from torch import nn

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.networks import MLP, FourierFeatures, grid, random_frequencies
from deeprestore_lab.parametrisations.network import Network, check_shape, input_seed


class PlainMLP(Network):
    r"""x = W_K h(z) + b_K reshaped to `shape`: a fully connected net from one fixed z to all pixels at once.

    z `(1, latent)` is standard normal. Each output has a row of W_K and a value of b_K of its own, drawn alike for all:
    exchanging two pixels of y exchanges two rows and changes nothing else, so neighbours mean nothing to it. The
    output is not squashed. `depth` counts the hidden layers. A signal in one dimension is an image of height 1.
    Raises `ValueError` for arguments that do not fit. Taught in chapter 11_deep_image_prior.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        *,
        hidden: int = 256,
        depth: int = 3,
        latent: int = 32,
        seed: int | list[int] = 0,
        device: torch.device | str | None = None,
    ) -> None:
        shape = check_shape(shape)
        check_whole(depth, name="depth", least=0)
        outputs = shape[1] * shape[2] * shape[3]

        def z(own: int) -> torch.Tensor:
            generator = torch.Generator().manual_seed(input_seed(own))
            return torch.randn(1, latent, generator=generator)

        super().__init__(
            lambda: nn.Sequential(MLP([latent, *[hidden] * depth, outputs]), nn.Unflatten(1, shape[1:])),
            z,
            shape=shape,
            seed=seed,
            device=device,
        )


class CoordinateNetwork(Network):
    r"""x at pixel v = f(gamma(v)), the same MLP f at every pixel, for coordinates v of the pixels.

    gamma is the identity (`features` 0: v scaled to [-1, 1]) or `features` random Fourier features of standard
    deviation `scale`, in waves across the longer side (see `networks.FourierFeatures`). Neighbours have inputs that
    are alike, so f is smooth until it has learned not to be: up to its highest frequencies with Fourier features, much
    slower without. The output is not squashed.
    Raises `ValueError` for arguments that do not fit. Source: Tancik et al. (2020). Taught in 11_deep_image_prior.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        *,
        features: int = 64,
        scale: float = 8.0,
        hidden: int = 64,
        depth: int = 3,
        seed: int | list[int] = 0,
        device: torch.device | str | None = None,
    ) -> None:
        shape = check_shape(shape)
        check_whole(features, name="features", least=0)
        check_whole(depth, name="depth", least=0)
        points = grid(shape[2], shape[3])
        inputs = 2 * features if features else 2

        def make() -> nn.Module:
            return _PerPixel(MLP([inputs, *[hidden] * depth, shape[1]]), shape)

        def z(own: int) -> torch.Tensor:
            if not features:
                return 2 * points[None] - 1
            return FourierFeatures(random_frequencies(features, scale=scale, seed=input_seed(own)))(points)[None]

        super().__init__(make, z, shape=shape, seed=seed, device=device)


class _PerPixel(nn.Module):
    """`(1, H W, features)` to `(1, C, H, W)`."""

    def __init__(self, net: nn.Module, shape: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.net, self.shape = net, shape

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.net(z).transpose(1, 2).unflatten(2, self.shape[2:])
