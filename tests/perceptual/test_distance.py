"""The perceptual distance against a loop over positions, its range, and its name in tables."""

import pytest
import torch
import torchvision

from deeprestore_lab import artifacts, backbones, data, perceptual


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


def test_a_table_names_what_it_measures(monkeypatch):
    monkeypatch.setattr(data.network, "fetched", lambda name: False)
    name, function = perceptual.for_tables()
    assert name == "vgg_mini distance" and function is perceptual.distance
    monkeypatch.setattr(data.network, "fetched", lambda name: name == "alexnet")
    assert perceptual.for_tables()[0] == "LPIPS (AlexNet)"


def test_lpips_gives_each_image_its_own_value_and_reads_the_network_once(monkeypatch):
    """On an AlexNet with random weights in the place of the fetched one; against torchmetrics, image by image."""
    pytest.importorskip("torchmetrics")
    from torchmetrics.functional.image import learned_perceptual_image_patch_similarity as theirs

    torch.manual_seed(0)
    alexnet, reads = torchvision.models.alexnet(weights=None), []
    monkeypatch.setattr(torchvision.models, "alexnet", lambda **_: reads.append(1) or alexnet)
    monkeypatch.setattr(data.network, "fetched", lambda name: name == "alexnet")
    x, reference = (torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    x = 1.4 * x - 0.2
    _, function = perceptual.for_tables()
    found, beside_one = function(x, reference), function(x, reference[:1])
    assert found.shape == (3,) and len(reads) == 1
    for n in range(3):
        for values, other in ((found, reference[n : n + 1]), (beside_one, reference[:1])):
            own = theirs(x[n : n + 1].clamp(0, 1), other, net_type="alex", normalize=True)
            torch.testing.assert_close(values[n], own, rtol=1e-5, atol=1e-7)
