import pytest
import torch

from deeprestore_lab import backbones, images
from deeprestore_lab.inverse_networks import inverse_network
from deeprestore_lab.inverse_networks.warm_start import warm_start

X = images.photographs(("astronaut", "chelsea"), size=32)


@pytest.mark.parametrize(
    ("layer", "inverted"), [("relu2_2", "relu2_2"), ("relu3_1", "relu3_3"), ("conv1_1", "relu1_2")]
)
def test_a_layer_without_an_inverse_is_sent_on_to_the_next_that_has_one(layer, inverted):
    network = backbones.load("vgg_mini", "embedded")
    maps = network.features(X, [layer, inverted])
    found = warm_start(layer, maps[layer], size=(32, 32))
    torch.testing.assert_close(found, inverse_network(inverted)(maps[inverted], (32, 32)).clamp(0, 1))
    assert float((found - X).square().mean()) < 0.5 * float((X - 0.5).square().mean())  # nearer than grey


@pytest.mark.parametrize("layer", ["relu1_2", "relu2_1"])
def test_it_has_the_precision_of_the_map(layer):
    f = backbones.load("vgg_mini", "embedded").at(layer)(X)
    found = warm_start(layer, f.double(), size=(32, 32))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), warm_start(layer, f, size=(32, 32)), atol=1e-4, rtol=0)


def test_layers_behind_the_last_inverse_and_other_maps_are_refused():
    f = torch.rand(1, 64, 4, 4)
    with pytest.raises(ValueError, match="layer"):
        warm_start("pool3", f, size=(32, 32))
    with pytest.raises(ValueError, match="target"):
        warm_start("relu2_2", f, size=(16, 16))
