"""Networks with the weights that the library ships."""

from functools import cache
from typing import TypeVar

import torch
from torch import nn

from deeprestore_lab.core.artifacts import load_weights

Network = TypeVar("Network", bound=nn.Module)


def trained(network: Network, name: str, *, part: str = "") -> Network:
    """`network` with the weights `name`, those of its `part` where a file holds several; gives the network back.

    Parameters take no gradients; those with respect to the input work. Raises `ArtifactError` for a file that is
    missing or damaged.
    """
    network.load_state_dict(shipped_weights(name, part=part))
    return network.requires_grad_(False).eval()


def shipped_weights(name: str, *, part: str = "") -> dict[str, torch.Tensor]:
    """The tensors of the weights `name` as float32; with `part` those called `part.NAME`, by the rest of their name.

    Raises `ArtifactError` for a file that is missing or damaged.
    """
    start = f"{part}." if part else ""
    return {key.removeprefix(start): w.float() for key, w in _stored(name).items() if key.startswith(start)}


@cache
def _stored(name: str) -> dict[str, torch.Tensor]:
    return load_weights(name)
