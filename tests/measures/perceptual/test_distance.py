"""The perceptual distance against a loop over positions, and its range."""

import pytest
import torch

from deeprestore_lab import backbones
from deeprestore_lab.core import artifacts
from deeprestore_lab.measures import perceptual


def network():
    return backbones.load("vgg_mini", "random", seed=2)


def images(seed: int, batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("unit", [True, False])
def test_it_is_the_mean_over_positions_of_squared_differences(unit):
    x, reference, layers = images(0), images(1), ["relu1_2", "relu2_1"]
    expected = torch.zeros(2)
    for layer in layers:
        a, b = (network().features(each, [layer])[layer] for each in (x, reference))
        for n in range(2):
            total, (h, w) = 0.0, a.shape[2:]
            for i in range(h):
                for j in range(w):
                    u, v = a[n, :, i, j], b[n, :, i, j]
                    total += (u / u.norm() - v / v.norm()).square().sum() if unit else (u - v).square().sum()
            expected[n] += total / (h * w)
    found = perceptual.distance(x, reference, network=network(), layers=layers, unit=unit)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


def test_it_is_symmetric_zero_for_equals_and_at_most_two_a_layer():
    x, reference = images(0), images(1)
    there = perceptual.distance(x, reference, network=network())
    torch.testing.assert_close(there, perceptual.distance(reference, x, network=network()))
    assert float(perceptual.distance(x, x, network=network()).abs().max()) == 0
    assert ((there > 0) & (there <= 2 * len(perceptual.DISTANCE_LAYERS))).all()
    three = perceptual.distance(x, reference, network=network(), layers=["relu1_2", "relu2_2", "relu3_3"])
    assert ((there < three) & (three <= 6)).all()


def test_a_single_reference_and_grey_images():
    x, grey = images(0), images(1)[:, :1]
    alone = perceptual.distance(x[1:], images(1)[:1], network=network())
    torch.testing.assert_close(perceptual.distance(x, images(1)[:1], network=network())[1:], alone)
    coloured = perceptual.distance(grey.expand(-1, 3, -1, -1), x, network=network())
    assert coloured.shape == (2,)
    torch.testing.assert_close(
        perceptual.distance(grey, grey.flip(3), network=network()),
        perceptual.distance(grey.expand(-1, 3, -1, -1), grey.flip(3).expand(-1, 3, -1, -1), network=network()),
    )


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"of one shape .*\(2, 3, 16, 16\) and \(2, 3, 8, 16\)"):
        perceptual.distance(images(0), images(0)[:, :, :8], network=network())


def test_the_layer_by_default_is_in_the_order_of_a_network_that_nothing_learnt_from():
    """SqueezeNet with LPIPS's layers: the layer taken agrees with it better than three of them, or raw features, do."""
    rows = artifacts.load_record("vgg_mini")["agreement"]["rows"]
    rho = {name: row["squeezenet1_1"]["all"] for name, row in rows.items() if name.startswith("vgg_mini relu")}
    assert len(rho) >= 4 and max(rho, key=rho.get) == f"vgg_mini {perceptual.DISTANCE_LAYERS[0]}, unit channels"
    assert len(perceptual.DISTANCE_LAYERS) == 1


@pytest.mark.parametrize("layers", [[], "relu1_2"])
def test_layers_are_a_sequence_of_names(layers):
    with pytest.raises(ValueError, match="layers must be a sequence of names"):
        perceptual.distance(images(0), images(1), network=network(), layers=layers)
