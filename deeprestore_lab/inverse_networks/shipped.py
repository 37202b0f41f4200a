"""The inverse networks that the library ships."""

from deeprestore_lab.backbones import load
from deeprestore_lab.core.checks import check_choice
from deeprestore_lab.inverse_networks.network import InverseNetwork
from deeprestore_lab.networks.trained import trained

SHAPES: dict[str, dict] = {  # of vgg_mini; the modules of each layer
    "relu1_2": {"cuts": (), "depth": 3, "width": 2.0, "start": 1.0},
    "relu2_2": {"cuts": ("pool1",), "depth": 3, "width": 1.5, "start": 1.0},
    "relu3_3": {"cuts": ("pool2", "pool1"), "depth": 3, "width": 1.5, "start": 1.0},
}


def untrained(layer: str, *, seed: int = 0) -> InverseNetwork:
    """The inverse network of a layer as it is shipped, before it is trained. Raises `ValueError` for another layer."""
    check_choice(layer, tuple(SHAPES), name="layer")
    return InverseNetwork(load("vgg_mini", "embedded"), layer, seed=seed, **SHAPES[layer])


def inverse_network(layer: str) -> InverseNetwork:
    """The shipped inverse network of `vgg_mini` at "relu1_2", "relu2_2" or "relu3_3".

    Trained end to end on the mean square error of pixels, so it gives the mean of what an image may have been. The card
    is `artifacts.card("inverse_networks", kind="weights")`. Parameters take no gradients; those with respect to the map
    work. Raises `ValueError` for another layer. Taught in chapter 17_inverse_networks.

    >>> inverse_network("relu1_2").layers
    network: vgg_mini, embedded weights (distilled by this project)
    ('relu1_2',)
    """
    return trained(untrained(layer), "inverse_networks", part=layer)
