"""Enlarging Set5 four times: bicubic and the three shipped nets, by PSNR, SSIM and distances in two networks.

Protocol "plain": pictures of 8 bits; the small one is made by `operators.Downsample(4)` (bicubic, widened against
aliasing, as imresize of MATLAB), rounded to 8 bits; the answer is clipped to [0, 1]. PSNR and SSIM are those of Y
less a border of 4, distances those of the colour picture less the same border. "johnson" is that of Johnson et al.
(2016): a Gaussian blur of sigma 1 before the downsampling, and after the enlargement the histogram of each channel is
matched to that of the small picture. "blur only" and "matching only" have half of it each. Distances are LPIPS-like
(`perceptual.distance`): in `vgg_mini`, through which the feature loss looked, in VGG16, which `vgg_mini` imitates, and
in SqueezeNet, from which nothing learnt.

No licence is stated for the pictures of Set5 and Set14, so the record holds numbers alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from skimage.exposure import match_histograms

from deeprestore_lab import backbones, data, images
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.measures import metrics, perceptual
from deeprestore_lab.networks import bicubic, super_resolver
from deeprestore_lab.networks.super_resolution import FACTOR, SUPER_RESOLVERS
from deeprestore_lab.operators import Downsample
from deeprestore_lab.signal.convolution import convolve
from deeprestore_lab.signal.kernels import gaussian_kernel
from scripts.making.resumable import rounded

JUDGES = {
    "vgg16": perceptual.DISTANCE_LAYERS,
    "squeezenet1_1": ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"),  # those of LPIPS
}
PUBLISHED = {  # Johnson et al. (2016), Set5 x4: PSNR, SSIM
    "bicubic": (28.43, 0.8114),
    "pixel": (28.40, 0.8205),
    "srcnn": (30.48, 0.8628),
    "feature": (27.09, 0.7680),
}
PROTOCOLS = {  # blur before, histogram matched after
    "plain": (False, False),
    "johnson": (True, True),
    "blur only": (True, False),
    "matching only": (False, True),
}
SIZE = 192  # of the embedded photographs
METHODS: dict[str, Callable] = {"bicubic": bicubic} | {name: super_resolver(name) for name in SUPER_RESOLVERS}
Row = dict[str, float]


def eight_bits(x: torch.Tensor) -> torch.Tensor:
    """The picture as a file would hold it."""
    return (x.clamp(0, 1) * 255).round() / 255


def small(x: torch.Tensor, *, blur: bool) -> torch.Tensor:
    """The picture to be enlarged, of sides that the factor divides."""
    return eight_bits(Downsample(FACTOR)(convolve(x, gaussian_kernel(1.0), border="reflect") if blur else x))


def matched(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """z with the histogram of each channel of y."""
    pair = (each[0].movedim(0, 2).double().numpy() for each in (z, y))
    return torch.from_numpy(match_histograms(*pair, channel_axis=2)).movedim(2, 0)[None].to(z)


def scores(z: torch.Tensor, x: torch.Tensor, judges: dict[str, Callable]) -> list[Row]:
    """All measures of each answer z `(N, 3, H, W)` to the one picture x."""
    a, b = (each[..., FACTOR:-FACTOR, FACTOR:-FACTOR] for each in (z, x))
    found = {"psnr": metrics.psnr(images.luma(a), images.luma(b)), "ssim": metrics.ssim(images.luma(a), images.luma(b))}
    found |= {"psnr_rgb": metrics.psnr(a, b)} | {name: judge(a, b) for name, judge in judges.items()}
    return [{name: float(values[i]) for name, values in found.items()} for i in range(len(z))]


@torch.no_grad()
def measured(pictures: dict[str, torch.Tensor], protocol: str, judges: dict[str, Callable]) -> dict[str, list[Row]]:
    """The scores of each picture, by method."""
    blur, matching = PROTOCOLS[protocol]
    rows: dict[str, list[Row]] = {method: [] for method in METHODS}
    for x in pictures.values():
        x = images.crop(x, tuple(n - n % FACTOR for n in x.shape[2:]))
        y = small(x, blur=blur)
        answers = [net(y).clamp(0, 1) for net in METHODS.values()]
        answers = [matched(z, y) for z in answers] if matching else answers
        for method, row in zip(METHODS, scores(torch.cat(answers), x, judges), strict=True):
            rows[method].append(row)
    return rows


def means(rows: list[Row]) -> Row:
    """Over the pictures."""
    return {measure: sum(row[measure] for row in rows) / len(rows) for measure in rows[0]}


def main() -> None:
    """Measure all pictures under all protocols, and write the record `super_resolution`."""
    judges = {}
    for name, layers in JUDGES.items():
        network = backbones.load(name, "local")
        judges[name] = lambda a, b, n=network, k=layers: perceptual.distance(a, b, network=n, layers=k)
    judges["vgg_mini"] = perceptual.distance
    held_out = {name: eight_bits(images.photograph(name, size=SIZE)) for name in images.HELD_OUT_PHOTOGRAPHS}
    sets = {"set5": data.test_set("set5"), "set14": data.test_set("set14"), "embedded": held_out}
    each = {name: {"plain": measured(pictures, "plain", judges)} for name, pictures in sets.items()}
    each["set5"] |= {name: measured(sets["set5"], name, judges) for name in PROTOCOLS if name != "plain"}
    mean = {
        name: {protocol: {method: means(rows) for method, rows in of.items()} for protocol, of in protocols.items()}
        for name, protocols in each.items()
    }
    content = {
        "factor": FACTOR,
        "border": FACTOR,
        "embedded_size": SIZE,
        "pictures": {name: list(pictures) for name, pictures in sets.items()},
        "protocols": {name: {"blur_before": a, "matched_after": b} for name, (a, b) in PROTOCOLS.items()},
        "judges": {name: list(layers) for name, layers in (JUDGES | {"vgg_mini": perceptual.DISTANCE_LAYERS}).items()},
        "published": {name: list(pair) for name, pair in PUBLISHED.items()},
        "mean": mean,
        "each": {name: protocols["plain"] for name, protocols in each.items()},
    }
    plain = mean["set5"]["plain"]
    text = "; ".join(f"{m} {r['psnr']:.2f} / {r['ssim']:.4f} / {r['squeezenet1_1']:.3f}" for m, r in plain.items())
    save_record(
        "super_resolution",
        rounded(content),
        command="DEEPRESTORE_DATA=../shared/data make records NAME=super_resolution",
        data="Set5 and Set14 (13 of its 14 pictures) of the local tier, five embedded photographs; judges: VGG16 and "
        "SqueezeNet of the local tier, trained on ImageNet",
        licence="none is stated for Set5 and Set14 by their source; the record holds numbers only",
        seeds=[],
        metric=f"Set5 x4, means of PSNR of Y in dB / SSIM of Y / SqueezeNet distance: {text}",
    )
