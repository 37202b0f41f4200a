"""Starts for searches at other networks: their map, put linearly into one of `vgg_mini`, which has inverse networks."""

from __future__ import annotations

from functools import cache

import torch
from torch.nn import functional

from deeprestore_lab.inverse_networks.warm_start import warm_start
from scripts.making.feature_maps import network
from scripts.making.inversion import natural_pictures

PICTURES, RIDGE = 200, 1e-3  # photographs that are fitted to; of the predictors' mean variance
INTO = {"vgg16/relu2_2": "relu2_2"}  # the layer of vgg_mini; relu3_3 for all others


@torch.no_grad()
def rows(name: str, layer: str, x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The map of a layer at the positions of another map, with a constant, `(N h w, C + 1)`."""
    f = torch.cat([network(name).at(layer)(part) for part in x.split(20)])
    f = functional.interpolate(f, size=like.shape[2:], mode="bilinear", align_corners=False)
    f = f.permute(0, 2, 3, 1).flatten(0, 2)
    return torch.cat([f, f.new_ones(len(f), 1)], 1)


@cache
@torch.no_grad()
def translator(key: str, size: int) -> torch.Tensor:
    """The linear map `(C + 1, c)` from "NETWORK/LAYER" to `vgg_mini`, by ridge regression at each position."""
    name, layer = key.split("/")
    x, into = natural_pictures(PICTURES, size), INTO.get(key, "relu3_3")
    wanted = network("vgg_mini").at(into)(x)
    seen = rows(name, layer, x, wanted).double()
    gram = seen.T @ seen
    gram.diagonal()[:-1] += RIDGE * gram.diagonal()[:-1].mean()
    return torch.linalg.solve(gram, seen.T @ wanted.permute(0, 2, 3, 1).flatten(0, 2).double()).float()


@torch.no_grad()
def translated_start(key: str, x: torch.Tensor) -> torch.Tensor:
    """What the inverse network of `vgg_mini` makes of the translated map of pictures, in [0, 1]."""
    (name, layer), size = key.split("/"), x.shape[-1]
    into = INTO.get(key, "relu3_3")
    like = network("vgg_mini").at(into)(x[:1])  # for its shape alone
    found = rows(name, layer, x, like) @ translator(key, size)
    found = found.view(len(x), *like.shape[2:], -1).permute(0, 3, 1, 2).clamp_min(0)
    return warm_start(into, found.contiguous(), size=(size, size))
