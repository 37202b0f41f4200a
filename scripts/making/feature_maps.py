"""Feature maps of different photographs: crops whose border a network pads, and windows from inside of larger maps."""

from __future__ import annotations

from functools import cache

import torch

from deeprestore_lab import backbones, data

BORDER = 8  # positions of a map that are left at each side before a window is drawn: padding reaches no farther
BATCH = 20


@cache
def photographs(shrink: int) -> list[torch.Tensor]:
    """The 200 photographs of BSDS's training set, in an order drawn once; at half size compression leaves no trace."""
    own = list(data.bsds_training(shrink=shrink).values())
    order = torch.randperm(len(own), generator=torch.Generator().manual_seed(0)).tolist()
    return [own[i] for i in order]


@cache
def network(name: str) -> backbones.Backbone:
    """A network with the weights at hand."""
    return backbones.load(name, allow_download=False)


def shrink_for(side: int) -> int:
    """By how much photographs are made smaller for crops of a side."""
    return 2 if side <= 160 else 1


def crops(side: int, *, each: int, seed: int, count: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    """`each` squares from each photograph `(N, 3, side, side)`, at random places, and the photograph of each `(N,)`."""
    generator, found = torch.Generator().manual_seed(seed), []
    for x in photographs(shrink_for(side))[:count]:
        for _ in range(each):
            top, left = (int(torch.randint(n - side + 1, (1,), generator=generator)) for n in x.shape[2:])
            found.append(x[..., top : top + side, left : left + side])
    return torch.cat(found), torch.arange(count).repeat_interleave(each)


@torch.no_grad()
def padded_maps(name: str, layer: str, side: int, *, each: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps of crops, whose borders are those that the network pads."""
    x, groups = crops(side, each=each, seed=seed)
    phi = network(name).at(layer)
    return torch.cat([phi(part) for part in x.split(BATCH)]), groups


@torch.no_grad()
def window_maps(name: str, layer: str, size: int, *, each: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of `size` x `size` positions at random places inside of the maps of whole photographs."""
    generator, phi, found = torch.Generator().manual_seed(seed), network(name).at(layer), []
    for x in photographs(2):
        f = phi(x)
        for _ in range(each):
            top, left = (
                BORDER + int(torch.randint(n - size - 2 * BORDER + 1, (1,), generator=generator)) for n in f.shape[2:]
            )
            found.append(f[..., top : top + size, left : left + size].clone())
    return torch.cat(found), torch.arange(len(photographs(2))).repeat_interleave(each)
