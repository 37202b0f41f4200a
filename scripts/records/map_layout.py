"""Record `map_layout`: is the floor of deep maps' distance to Toeplitz the network's border or the pictures' layout?

Crops of 224 x 224 have little room to move in photographs of 321 x 481: sky stays above. Three sets of pictures, same
layers, same padding: those crops; crops of the same photographs enlarged twice, which have room; and stationary noise
as smooth as photographs, which has no layout at all. Distance and floor, all positions and inside of a border of one.
"""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.measures.feature_statistics import spatial_covariance, toeplitz_distance, toeplitz_floor
from scripts.making.feature_maps import crops, network, photographs
from scripts.making.resumable import Parts, rounded

LAYERS, SIDE, SEED = ("vgg_mini/pool5", "squeezenet1_1/fire9", "googlenet/inception_5b"), 224, 0
SETTINGS = {"side": SIDE, "photographs": 200, "enlarged": {"by": 2, "crops": 2}, "noise": {"grey": 0.9, "colour": 0.3}}
PARTS = Parts("map_layout", SETTINGS)


def enlarged() -> tuple[torch.Tensor, torch.Tensor]:
    """Two crops of each photograph at twice its size, and whose they are."""
    own, draw, found = SETTINGS["enlarged"], torch.Generator().manual_seed(SEED), []
    for x in photographs(1):
        x = interpolate(x, scale_factor=own["by"], mode="bicubic", align_corners=False).clamp(0, 1)
        for _ in range(own["crops"]):
            top, left = (int(torch.randint(n - SIDE + 1, (1,), generator=draw)) for n in x.shape[2:])
            found.append(x[..., top : top + SIDE, left : left + SIDE].clone())
    return torch.cat(found), torch.arange(SETTINGS["photographs"]).repeat_interleave(own["crops"])


def noise() -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of rings with an amplitude of one over the frequency; colours share most of it."""
    draw, count, ring = torch.Generator().manual_seed(SEED), SETTINGS["photographs"], 2 * SIDE
    rows, columns = torch.meshgrid(*2 * [torch.fft.fftfreq(ring).square()], indexing="ij")
    falling, found = 1 / (1 / ring + (rows + columns).sqrt()), []
    for _ in range(count):
        x = torch.fft.ifft2(torch.fft.fft2(torch.randn(3, ring, ring, generator=draw)) * falling).real
        x = SETTINGS["noise"]["grey"] * x[:1] + SETTINGS["noise"]["colour"] * x
        x = 0.45 + 0.22 * (x - x.mean((1, 2), keepdim=True)) / x.std()
        found.append(x[None, :, :SIDE, :SIDE])
    return torch.cat(found), torch.arange(count)


PICTURES = {"photographs": lambda: crops(SIDE, each=1, seed=SEED), "enlarged": enlarged, "noise": noise}


@torch.no_grad()
def measured(key: str) -> tuple[dict, dict]:
    """`NETWORK/LAYER PICTURES`: distances, floors, and the mean variance of each row of positions."""
    layer, kind = key.split(" ")
    name, layer = layer.split("/")
    x, groups = PICTURES[kind]()
    phi = network(name).at(layer)
    f = torch.cat([phi(part) for part in x.split(10)])
    covariance, size = spatial_covariance(f), tuple(f.shape[2:])
    return {
        "distance": [toeplitz_distance(covariance, size, border=border) for border in (0, 1)],
        "floor": [toeplitz_floor(f, groups=groups, border=border) for border in (0, 1)],
        "rows": covariance.diagonal().reshape(size).mean(1).tolist(),
    }, {}


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    found = PARTS.all([f"{layer} {kind}" for layer in LAYERS for kind in PICTURES], measured)
    maps = {layer: {kind: found[f"{layer} {kind}"][0] for kind in PICTURES} for layer in LAYERS}
    save_record(
        "map_layout",
        rounded({**SETTINGS, "maps": maps}),
        command="DEEPRESTORE_DATA=../shared/data make records NAME=map_layout",
        data="the 200 training photographs of BSDS500 (local tier); SqueezeNet and GoogLeNet from the local folder; "
        "the embedded vgg_mini",
        licence="numbers only; BSDS is for non-commercial research and education",
        seeds=[SEED],
        metric="floor of the distance to Toeplitz, photographs / enlarged / noise: "
        + ", ".join(f"{layer} " + " / ".join(f"{own[k]['floor'][0]:.2f}" for k in own) for layer, own in maps.items()),
    )


if __name__ == "__main__":
    main()
