"""Inverse networks: shapes for every backbone, where gradients stop, and the best linear estimate."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from deeprestore_lab.backbones import NETWORKS, Backbone, load
from deeprestore_lab.backbones.stages import Stage
from deeprestore_lab.inverse_networks import InverseModule, InverseNetwork, blocks, errors, map_batches, maps_of, train
from deeprestore_lab.training import Patches, cosine, fit
from refusals import refused

LAYERS = {
    "alexnet": ("relu1", "pool2", "relu5"),
    "squeezenet1_1": ("pool1", "fire4"),
    "googlenet": ("norm1", "norm2", "inception_3a"),
    "vgg_mini": ("relu1_2", "conv2_1", "pool3", "mini4_1"),
}


def mini(layer: str, **settings) -> InverseNetwork:
    return InverseNetwork(load("vgg_mini", "random", seed=0), layer, **settings)


def batch(inverse: InverseNetwork, count: int = 2) -> dict[str, torch.Tensor]:
    maps = maps_of(inverse, torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    inverse.calibrate(maps)
    return maps


@pytest.mark.parametrize("kind", ["nearest", "transposed"])
@pytest.mark.parametrize("network", [name for name in NETWORKS if name.startswith(("alex", "goo", "sq", "vgg_mini"))])
def test_every_map_and_the_image_come_back_in_their_own_shapes(network, kind):
    net = load(network, "random", seed=0)
    x = torch.rand(1, 3, 71, 66)
    for layer in LAYERS[network]:
        inverse = InverseNetwork(net, layer, kind=kind, width=0.25)
        maps = maps_of(inverse, x)
        found = inverse.chain(maps[layer], (71, 66))
        assert {name: f.shape for name, f in found.items()} == {
            name: f.shape for name, f in maps.items() if name != layer
        }


def test_blocks_are_runs_of_convolutions_poolings_and_normalisations():
    """Counted by hand in the tables of both papers."""
    google = [b.layer for b in blocks(load("googlenet", "random", seed=0), "pool2")]
    assert google == ["pool2", "norm2", "relu2", "norm1", "pool1", "relu1"]
    vgg = blocks(load("vgg_mini", "random", seed=0), "pool2", cuts=["pool1"])
    assert [(b.layer, b.target, b.channels, b.stride) for b in vgg] == [
        ("pool2", "pool1", (32, 16), 2),
        ("pool1", "image", (16, 3), 2),
    ]
    with pytest.raises(ValueError, match="before the layer"):
        blocks(load("vgg_mini", "random", seed=0), "pool1", cuts=["pool2"])
    with pytest.raises(ValueError, match="no layer"):
        blocks(load("vgg_mini", "random", seed=0), "pool9")


def test_a_criterion_of_ones_own_is_given_images_end_to_end():
    """Mean squares of images, in units of 1/4: what "l2" computes, and each is a step of the same training."""
    inverse, others = mini("pool1"), mini("pool1")
    maps, seen = batch(inverse), []

    def squares(x, reference):
        seen.append((x.detach(), reference))
        return (x - reference).square().mean() / 0.25**2

    own = errors(inverse, maps, training="end to end", criterion=squares)["image"]
    assert torch.allclose(own, errors(inverse, maps, training="end to end")["image"])
    assert torch.allclose(seen[0][0], inverse(maps["pool1"])) and torch.allclose(seen[0][1], maps["image"])
    train(inverse, lambda step: maps, training="end to end", steps=3, criterion=squares, progress=False)
    train(others, lambda step: maps, training="end to end", steps=3, progress=False)
    for ours, theirs in zip(inverse.parameters(), others.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    for training in ("alone", "together"):
        with pytest.raises(ValueError, match=f"with training '{training}' maps are compared too"):
            errors(inverse, maps, training=training, criterion=squares)
    with pytest.raises(ValueError, match="with training 'in turn' maps are compared too"):
        train(inverse, lambda step: maps, training="in turn", steps=3, criterion=squares, progress=False)


@pytest.mark.parametrize("training", ["alone", "together", "end to end"])
def test_gradients_go_where_a_training_lets_them(training):
    """The loss at the image moves the module before it alone, or all."""
    inverse = mini("pool2")
    found = errors(inverse, batch(inverse), training=training)
    assert set(found) == ({"image"} if training == "end to end" else {b.target for b in inverse.blocks})
    found["image"].backward()
    moved = [any(p.grad is not None and bool(p.grad.any()) for p in m.parameters()) for m in inverse.steps]
    assert moved == ([False, False, False, True] if training == "alone" else [True] * 4)


def test_a_chain_is_what_its_modules_give_one_after_the_other():
    inverse = mini("pool1")
    maps = batch(inverse)
    inner = inverse.scales[1] * inverse.steps[0](maps["pool1"] / inverse.scales[0])
    picture = 0.5 + 0.25 * inverse.steps[1](inner / inverse.scales[1])
    found = inverse.chain(maps["pool1"])
    assert torch.allclose(found["relu1_2"], inner) and torch.allclose(found["image"], picture)
    assert torch.allclose(inverse.chain(inner, (32, 32), first=1)["image"], picture)
    alone = errors(inverse, maps, training="alone")["relu1_2"]
    wanted = ((inner - maps["relu1_2"]) / inverse.scales[1]).square().mean()
    assert torch.allclose(alone, wanted)


def test_in_turn_each_module_learns_on_what_the_ones_before_it_give():
    inverse = mini("pool1")
    maps = batch(inverse)
    first = copy.deepcopy(inverse)
    (run,) = train(first, lambda step: maps, training="alone", steps=3, progress=False)
    histories = train(inverse, lambda step: maps, training="in turn", steps=3, progress=False)
    assert len(histories) == 2 and len(run.loss) == 3
    for ours, theirs in zip(inverse.steps[0].parameters(), first.steps[0].parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)  # nothing is before the deepest: it is as if alone
    assert any(not torch.equal(a, b) for a, b in zip(inverse.parameters(), first.parameters(), strict=True))


def test_kept_batches_never_ask_the_backbone_twice(monkeypatch):
    inverse, asked = mini("pool1"), []
    features = type(inverse.backbone).features
    monkeypatch.setattr(
        type(inverse.backbone), "features", lambda self, *given: asked.append(1) or features(self, *given)
    )
    draw = map_batches(inverse, Patches([torch.rand(1, 3, 40, 40)], size=32), count=2, kept=3)
    drawn = [draw(step)["image"] for step in range(9)]
    assert len(asked) == 3 and torch.equal(drawn[1], drawn[4]) and not torch.equal(drawn[1], drawn[2])


def test_a_module_trained_alone_reaches_the_best_linear_estimate():
    """A 1 x 1 layer that mixes three Gaussian channels into two: the estimate is C A^T (A C A^T)^-1 f."""
    draw = torch.Generator().manual_seed(0)
    root = torch.tensor([[2, 0, 0], [1, 2, 0], [1, 1, 1]], dtype=torch.float64) / 10
    a = torch.linalg.qr(torch.randn(3, 2, generator=draw, dtype=torch.float64)).Q.T
    c = root @ root.T
    best = c @ a.T @ torch.linalg.inv(a @ c @ a.T)
    least = float(torch.trace(c - best @ a @ c)) / 3
    layer = nn.Conv2d(3, 2, 1, bias=False)
    layer.weight.data = a.float()[..., None, None]
    net = Backbone("mix", [Stage("conv1", layer)], weights="drawn", colour=((0.5,) * 3, (1.0,) * 3))
    inverse = InverseNetwork(net, "conv1", width=8)  # 16 channels between

    def pictures(step: int) -> dict[str, torch.Tensor]:
        white = torch.randn(8, 3, 64, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
        return maps_of(inverse, (0.5 + root @ white).float().reshape(8, 3, 8, 8))

    train(inverse, pictures, training="alone", steps=300, lr=cosine(2e-2, 300), progress=False)
    with torch.no_grad():
        maps = [pictures(10_000 + step) for step in range(16)]
        error = torch.stack([(inverse(m["conv1"]) - m["image"]).square().mean() for m in maps]).mean()
    assert least * 0.97 < float(error) < least * 1.05


def test_l1_training_gives_the_median():
    """A constant map, values 0 (of three in four pictures) and 1: the mean is 1/4, the median 0."""
    x = (torch.arange(64) % 4 == 0).float().reshape(64, 1, 1, 1).expand(-1, 1, 4, 4).contiguous()
    f = torch.ones(64, 1, 4, 4)
    for criterion, wanted in ((nn.functional.mse_loss, 0.25), (nn.functional.l1_loss, 0.0)):
        module = InverseModule(1, 1, width=8)
        fit(module, lambda step: (f, x), steps=300, loss=criterion, lr=cosine(1e-2, 300), progress=False)
        assert float((module(f[:1]).detach() - wanted).abs().max()) < 0.03


test_wrong_modules_are_refused = refused(
    ({"kind": "cubic"}, "kind"),
    ({"depth": 1}, "depth"),
    ({"stride": 4, "kernel": 3, "kind": "transposed"}, "kernel"),
    ({"stride": 2, "kernel": 3, "kind": "nearest"}, "kernel"),
    by=lambda settings: InverseModule(4, 3, **settings),
)


def test_what_would_give_numbers_without_meaning_is_refused():
    inverse = mini("pool1")
    maps = batch(inverse)
    with pytest.raises(ValueError, match="first"):
        inverse.chain(maps["relu1_2"], (32, 32), first=-1)
    with pytest.raises(ValueError, match="maps of relu1_2"):
        inverse.calibrate(maps | {"relu1_2": torch.zeros_like(maps["relu1_2"])})
    with pytest.raises(ValueError, match="vgg_mini pool1"):
        inverse.sizes(maps["pool1"], (1, 1))
