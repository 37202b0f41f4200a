"""Two calls: a texture, and a picture with the content of one and the style of another; and their start."""

from collections.abc import Sequence

import torch

from deeprestore_lab.backbones import Backbone
from deeprestore_lab.core.checks import check_images, check_positive, check_seed, check_units, check_weight
from deeprestore_lab.energies import Weight
from deeprestore_lab.images.transforms import Size, height_and_width
from deeprestore_lab.operators import Blur
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.signal.convolution import gaussian_kernel
from deeprestore_lab.solve import Trace, minimise
from deeprestore_lab.style.energies import content_energy, find, style_energy, texture_energy


def colour_noise(example: torch.Tensor, *, size: Size | None = None, seed: int = 0, grain: float = 1.0) -> torch.Tensor:
    """Gaussian noise with the mean and the covariance of the example's colours, and grains of a few pixels.

    `example` is `(N, 3, H, W)`, RGB in [0, 1]; the noise has its size or `size`, and one draw for each of its images.
    It is blurred, over a circular border, by a Gaussian of standard deviation `grain` pixels, then scaled to the
    covariance: what is finer than the grain must come from the energy, and stays out where the energy does not ask for
    it. Values may leave [0, 1]. Taught in chapter 08_style.

    Raises `ValueError` for what is no image batch of three channels, and a grain that is not above 0.

    >>> import deeprestore_lab as drl
    >>> example = drl.images.photograph("coffee", size=64)
    >>> noise = colour_noise(example)
    >>> bool((noise.mean((2, 3)) - example.mean((2, 3))).abs().max() < 1e-5)
    True
    """
    check_images(example, name="example", channels=3)
    check_positive(grain, name="grain")
    height, width = example.shape[2:] if size is None else height_and_width(size)
    draw = torch.Generator().manual_seed(check_seed(seed))
    noise = torch.randn(len(example), 3, height, width, generator=draw).to(example)
    noise = Blur(gaussian_kernel(grain), border="circular")(noise).flatten(2)
    return (_root(example.flatten(2)) @ _whitened(noise)).unflatten(2, (height, width)) + example.mean((2, 3), True)


def _covariance(values: torch.Tensor) -> torch.Tensor:
    """The covariance of the channels of each image: `(N, C, P) -> (N, C, C)`."""
    centred = values - values.mean(2, keepdim=True)
    return centred @ centred.transpose(1, 2) / values.shape[2]


def _root(values: torch.Tensor) -> torch.Tensor:
    """The symmetric root of the covariance; of a grey picture it has one direction only."""
    eigenvalues, vectors = torch.linalg.eigh(_covariance(values))
    return vectors * eigenvalues.clamp_min(0).sqrt()[:, None] @ vectors.transpose(1, 2)


def _whitened(values: torch.Tensor) -> torch.Tensor:
    """The values with mean 0 and the identity as covariance."""
    eigenvalues, vectors = torch.linalg.eigh(_covariance(values))
    centred = values - values.mean(2, keepdim=True)
    return vectors / eigenvalues.sqrt()[:, None] @ vectors.transpose(1, 2) @ centred


SMOOTHING = 0.01  # of total variation, so that L-BFGS may take it


def synthesise(
    example: torch.Tensor,
    *,
    net: Backbone,
    layers: Sequence[str] | None = None,
    statistic: str = "gram",
    size: Size | None = None,
    tv_weight: Weight = 0.0,
    steps: int = 100,
    seed: int = 0,
    progress: bool | None = None,
) -> Trace:
    """argmin_x of the texture energy of the example: another picture of the same texture, from noise.

    `layers`, `statistic`: see `texture_energy`. The search starts from `colour_noise` with `seed`, in the size of the
    example or `size`; `tv_weight`, a float or `(N,)`, weighs total variation per value: with N of them a single example
    gives N pictures from the same noise. L-BFGS takes `steps` at most, over pictures with values in [0, 1]. Raises
    `ValueError` for weights that do not fit the examples and for what the energy refuses. Source: Gatys et al. (2015).
    Taught in chapter 08_style.
    """
    tv_weight = check_weight(tv_weight, name="tv_weight")
    start = colour_noise(example, size=size, seed=seed)
    batch = _batch({"example": example}, {"tv_weight": tv_weight})
    energy = texture_energy(net, example, layers=layers, statistic=statistic)
    energy = energy + (tv_weight / start[0].numel()) * TotalVariation(smoothing=SMOOTHING)
    g = Pixels(start.expand(batch, -1, -1, -1), bounds=(0, 1))
    return minimise(energy, g, solver="lbfgs", steps=steps, tolerance=0.0, progress=progress)


def transfer(
    content: torch.Tensor,
    style: torch.Tensor,
    *,
    net: Backbone,
    content_weight: Weight = 1.0,
    style_weight: Weight = 10.0,
    tv_weight: Weight = 0.0,
    content_layer: str = "relu3_1",
    style_layers: Sequence[str] | None = None,
    preset: str | None = None,
    start: torch.Tensor | None = None,
    steps: int = 100,
    progress: bool | None = None,
) -> Trace:
    r"""argmin_x of content_weight ||phi(x) - phi(content)||^2 / n + style_weight style(x) + tv_weight TV(x) / values.

    Content and style are relative errors: `content_energy` and `texture_energy` with their default normaliser. With a
    `preset` they are the losses of that source instead, whose own weights are multiplied by these. A weight is a float
    or `(N,)`, `content` and `style` hold one picture or N: N pictures come out, each by itself. The search starts from
    the content or from `start`, one or N of its size; L-BFGS takes `steps` at most, over pictures with values in
    [0, 1].

    Raises `ValueError` where these lengths do not agree and for what the energies refuse. Source: Gatys et al. (2016),
    equation 7. Taught in chapter 08_style.
    """
    check_units(content, name="content", channels=3)
    check_units(style, name="style", channels=3)
    given = {"content_weight": content_weight, "style_weight": style_weight, "tv_weight": tv_weight}
    weights = {name: check_weight(weight, name=name) for name, weight in given.items()}
    start = content if start is None else check_units(start, name="start", channels=3)
    batch = _batch({"content": content, "style": style, "start": start}, weights)
    if preset is None:
        style_term = texture_energy(net, style, layers=style_layers)
        content_term = content_energy(net, content, layer=content_layer)
    else:
        own = find(preset)
        style_term = style_energy(net, style, preset=preset)
        content_term = own.content_weight * content_energy(net, content, layer=own.content_layer, normaliser="values")
    energy = weights["content_weight"] * content_term + weights["style_weight"] * style_term
    energy = energy + (weights["tv_weight"] / content[0].numel()) * TotalVariation(smoothing=SMOOTHING)
    g = Pixels(start.expand(batch, -1, -1, -1), bounds=(0, 1))
    return minimise(energy, g, solver="lbfgs", steps=steps, tolerance=0.0, progress=progress)


def _batch(pictures: dict[str, torch.Tensor], weights: dict[str, Weight]) -> int:
    """How many pictures come out; `ValueError` where the lengths of pictures and weights do not agree."""
    given = pictures | {name: weight for name, weight in weights.items() if isinstance(weight, torch.Tensor)}
    sizes = {name: len(each) if each.ndim else 1 for name, each in given.items()}
    most = max(sizes.values())
    if wrong := [name for name, size in sizes.items() if size not in (1, most)]:
        raise ValueError(f"{wrong[0]} has {sizes[wrong[0]]} entries where {most} or 1 is expected")
    return most
