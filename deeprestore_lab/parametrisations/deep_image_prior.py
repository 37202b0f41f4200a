"""The deep image prior: the image is what an untrained convolutional network makes of a fixed random input."""

import math

import torch

from deeprestore_lab.core.checks import check_choice, check_whole
from deeprestore_lab.networks import Hourglass, grid
from deeprestore_lab.networks.hourglass import Widths, preset
from deeprestore_lab.parametrisations.network import Network, check_shape, input_seed

INPUT_KINDS = ("uniform", "normal", "coordinates")


class DeepImagePrior(Network):
    r"""x = f_theta(z): f an hourglass, z fixed and random; the search over theta is stopped before it fits the noise.

    `shape` is (N, C, H, W). `preset` "tiny", "small", "medium" or "paper" chooses the widths (see
    `networks.preset`), or give `widths`; without either it is "small". The input has `input_channels` channels of the
    image's size: `input_kind` "uniform" draws from U(low, high) with `input_range` = (low, high), "normal" from the
    normal distribution of the same mean and standard deviation, "coordinates" holds the two coordinates, scaled to that
    range (two channels, whatever `input_channels` says). `seed` sets weights and input, one number or one for each
    image; both are drawn on the CPU and then moved to `device`, where one is given.

    The paper's settings: (0, 0.1), Adam with lr 0.01, `input_noise` 1/30 and `average` 0.99 for denoising. Images lie
    in (0, 1). Each image has a network of its own.

    Raises `ValueError` for an unknown preset or kind, for a preset and widths together, and for images too small for
    the preset: sides of at least 2^scales + 1. Source: Ulyanov, Vedaldi & Lempitsky (2018, 2020), "Deep image prior".
    Taught in chapter 11_deep_image_prior.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        *,
        preset: str | None = None,
        widths: Widths | None = None,
        seed: int | list[int] = 0,
        input_kind: str = "uniform",
        input_range: tuple[float, float] = (0.0, 0.1),
        input_channels: int = 32,
        upsampling: str = "bilinear",
        device: torch.device | str | None = None,
    ) -> None:
        shape = check_shape(shape)
        kind = check_choice(input_kind, INPUT_KINDS, name="input_kind")
        bounds = _check_range(input_range)
        channels = 2 if kind == "coordinates" else check_whole(input_channels, name="input_channels", least=1)
        chosen = _chosen(preset, widths)
        super().__init__(
            lambda: Hourglass(channels, shape[1], widths=chosen, upsampling=upsampling),
            lambda own: fixed_input(kind, channels, shape[-2], shape[-1], bounds=bounds, seed=own),
            shape=shape,
            seed=seed,
            device=device,
        )


def _chosen(name: str | None, widths: Widths | None) -> Widths:
    if widths is None:
        return preset("small" if name is None else name)
    if name is not None:
        raise ValueError(f"give a preset or widths, not both; got preset {name!r} and {widths}")
    return widths


def fixed_input(
    kind: str, channels: int, height: int, width: int, *, bounds: tuple[float, float], seed: int
) -> torch.Tensor:
    """z `(1, channels, H, W)`; its random numbers are not those of the weights of the same seed."""
    low, high = bounds
    if kind == "coordinates":
        return (low + (high - low) * grid(height, width)).T.reshape(1, 2, height, width).contiguous()
    generator = torch.Generator().manual_seed(input_seed(seed))
    size = (1, channels, height, width)
    if kind == "uniform":
        return low + (high - low) * torch.rand(size, generator=generator)
    return (low + high) / 2 + (high - low) / 12**0.5 * torch.randn(size, generator=generator)


def _check_range(bounds: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (float(b) for b in bounds)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not low < high or not math.isfinite(high - low):
        raise ValueError(f"input_range must be two finite numbers (low, high) in order, got {bounds!r}")
    return low, high
