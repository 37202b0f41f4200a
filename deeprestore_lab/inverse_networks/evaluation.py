"""What an inverse network gives back of held-out images: in pixels, in layers, and between its modules."""

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole, describe
from deeprestore_lab.inverse_networks.blocks import IMAGE
from deeprestore_lab.inverse_networks.network import InverseNetwork, check_inverse
from deeprestore_lab.inverse_networks.training import maps_of
from deeprestore_lab.measures.metrics import psnr, ssim, ssim_components
from deeprestore_lab.measures.perceptual import distance

Scores = dict[str, torch.Tensor]


def scores(inverse: InverseNetwork, x: torch.Tensor) -> Scores:
    r"""Measures of the images that come back from the maps of `x`, clipped to [0, 1], one value per image each `(N,)`.

        "psnr", "ssim", "luminance", "contrast", "structure"   in pixels (the last three are means of SSIM's maps)
        "distance"            perceptual distance in relu3_3 of `vgg_mini`
        "again LAYER"         ||phi(x^) - phi(x)||^2 / ||phi(x)||^2, for each layer of the network's modules
        "inner LAYER"         ||f^ - f||^2 / ||f||^2 of the map that the modules behind give for that layer
        "from LAYER"          PSNR of the image from the true map of that layer by the modules before it

    The last two say whether the maps between modules are those of the backbone, and whether a module can be used with
    true maps. Raises `ValueError` for what is no inverse network, what is no batch of colour images, and images too
    small for SSIM or with a map of zeros. Taught in chapter 17_inverse_networks.
    """
    return scored(inverse, x)[1]


@torch.no_grad()
def scored(inverse: InverseNetwork, x: torch.Tensor) -> tuple[torch.Tensor, Scores]:
    """The images that come back from the maps of `x`, clipped to [0, 1], and their `scores`, whose errors it raises."""
    check_inverse(inverse), check_images(x, channels=3)
    maps = maps_of(inverse, x)
    size, found = tuple(x.shape[2:]), {}
    chain = inverse.chain(maps[inverse.layer], size)
    picture = chain[IMAGE].clamp(0, 1)
    found["psnr"], found["ssim"] = psnr(picture, x), ssim(picture, x)
    found |= {name: parts.flatten(1).mean(1) for name, parts in ssim_components(picture, x).items()}
    found["distance"] = distance(picture, x)
    again = inverse.backbone.features(picture, inverse.layers)
    for place, layer in enumerate(inverse.layers):
        found[f"again {layer}"] = relative_error(again[layer], maps[layer])
        if place:
            found[f"inner {layer}"] = relative_error(chain[layer], maps[layer])
            own = inverse.chain(maps[layer], size, first=place)[IMAGE]
            found[f"from {layer}"] = psnr(own.clamp(0, 1), x)
    return picture, found


def relative_error(f: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """||f - reference||^2 / ||reference||^2, one value per image, `(N,)`: 1 for a map of zeros.

    Raises `ValueError` for maps of two shapes, and for a reference that is zero everywhere in an image. Taught in
    chapter 17_inverse_networks.
    """
    tensors = isinstance(f, torch.Tensor) and isinstance(reference, torch.Tensor)
    if not tensors or f.shape != reference.shape or f.ndim < 2:
        raise ValueError(f"both maps must have one shape, got {describe(f)} and {describe(reference)}")
    squared = reference.square().flatten(1).sum(1)
    if not bool((squared > 0).all()):
        raise ValueError("reference must not be zero everywhere in any image: its norm is what the error is divided by")
    return (f - reference).square().flatten(1).sum(1) / squared


def normalised_errors(x: torch.Tensor, reference: torch.Tensor, *, others: torch.Tensor | None = None) -> torch.Tensor:
    r"""||x_i - r_i|| / N with N the mean of ||r_i - r_j|| over pairs i < j of different images, `(N,)`.

    1 is the error of giving back another image of the set. `others` are the images that the mean is taken over, the
    references themselves by default. Raises `ValueError` for shapes that do not fit, for fewer than two others, and
    for others that are all one image. Source: Dosovitskiy & Brox (2016), who give the mean of it over a test set.
    Taught in chapter 17_inverse_networks.

    >>> r = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)
    >>> normalised_errors(r.flip(0), r)
    tensor([1., 1.])
    """
    check_images(x), check_images(reference, name="reference")
    others = reference if others is None else check_images(others, name="others")
    if x.shape != reference.shape or others.shape[1:] != x.shape[1:] or len(others) < 2:
        raise ValueError(
            f"x, reference and others must be images of one shape, at least two others: got {tuple(x.shape)}, "
            f"{tuple(reference.shape)} and {tuple(others.shape)}"
        )
    mean = torch.pdist(others.flatten(1)).mean()
    if not mean > 0:
        raise ValueError("others must differ: the mean of their distances is what errors are divided by, it is 0")
    return (x - reference).flatten(1).norm(dim=1) / mean


def paired_interval(gains: torch.Tensor | Sequence[float], *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    r"""A 95 % interval of the mean of paired differences by the bootstrap over the first dimension (images).

    `gains` `(N,)`, or `(N, S)` with a column for each seed: images are drawn again, and seeds too, since both vary.
    Raises `ValueError` for fewer than two images, no seed, and gains that are not finite. Taught in chapter
    17_inverse_networks.

    >>> low, high = paired_interval(torch.linspace(0.9, 1.1, 50))
    >>> 0.97 < low < 1 < high < 1.03
    True
    """
    try:
        own = torch.as_tensor(gains, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"gains must be numbers, got {describe(gains)}") from None
    gains = own[:, None] if own.ndim == 1 else own
    if gains.ndim != 2 or len(gains) < 2 or not gains.numel() or not bool(torch.isfinite(gains).all()):
        raise ValueError(f"gains must be finite, (N,) or (N, S) with N of at least 2, got {describe(own)}")
    draws, draw = check_whole(draws, name="draws", least=1), torch.Generator().manual_seed(check_seed(seed))
    rows, columns = (torch.randint(n, (draws, n), generator=draw) for n in gains.shape)
    means = torch.stack([gains[r][:, c].mean() for r, c in zip(rows, columns, strict=True)])
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high
