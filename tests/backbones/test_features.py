"""Backbones against torchvision's own networks, and what they run for whom."""

import copy

import pytest
import torch
import torchvision
from torch import nn

from deeprestore_lab import backbones
from deeprestore_lab.backbones.weights import IMAGENET, LAYOUTS, WEIGHTS
from deeprestore_lab.data.downloads import NETWORK
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.operators import Gram, one_evaluation

BUILDERS = {
    "alexnet": torchvision.models.alexnet,
    "vgg11": torchvision.models.vgg11,
    "vgg16": torchvision.models.vgg16,
    "vgg19": torchvision.models.vgg19,
    "squeezenet1_1": torchvision.models.squeezenet1_1,
}


def image(side: int = 32, *, batch: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(seed))


def assert_same_up_to_rounding(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Another order of summing changes sums of large terms that cancel: the rounding is that of the largest."""
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.detach().abs().max()))


def mini(seed: int = 0) -> backbones.Backbone:
    return backbones.load("vgg_mini", "random", seed=seed)


@pytest.mark.parametrize("name", BUILDERS)
def test_layers_and_keys_are_torchvisions(name):
    """Every parameter of torchvision's network has its place, with its shape; nothing is left over."""
    with torch.device("meta"):
        theirs, stages = BUILDERS[name]().state_dict(), LAYOUTS[name]()
    ours = {stage.prefix + key: value.shape for stage in stages for key, value in stage.module.state_dict().items()}
    assert ours == {key: value.shape for key, value in theirs.items()}


@pytest.mark.parametrize(("name", "side", "last"), [("vgg11", 32, "pool5"), ("squeezenet1_1", 64, "pool10")])
def test_features_are_torchvisions(name, side, last):
    network = backbones.load(name, "random", seed=3)
    theirs = BUILDERS[name]().eval()
    state = {
        stage.prefix + key: value
        for stage, module in zip(LAYOUTS[name](), network.module, strict=False)
        for key, value in module.state_dict().items()
    }
    theirs.load_state_dict(state, strict=False)
    x = image(side)
    mean, deviation = (torch.tensor(each).reshape(1, 3, 1, 1) for each in IMAGENET)
    with torch.no_grad():
        whole = theirs((x - mean) / deviation) if name == "squeezenet1_1" else theirs.features((x - mean) / deviation)
        ours = network.features(x, [last])[last]
    torch.testing.assert_close(ours.reshape(whole.shape), whole)


def test_alexnets_head_gives_torchvisions_scores():
    network = backbones.load("alexnet", "random", layers=["fc8"], seed=1)
    theirs = torchvision.models.alexnet().eval()
    state = {
        stage.prefix + key: value
        for stage, module in zip(LAYOUTS["alexnet"](), network.module, strict=True)
        for key, value in module.state_dict().items()
    }
    theirs.load_state_dict(state)
    x = image(64)
    mean, deviation = (torch.tensor(each).reshape(1, 3, 1, 1) for each in IMAGENET)
    with torch.no_grad():
        assert_same_up_to_rounding(network.at("fc8")(x).flatten(1), theirs((x - mean) / deviation))


def test_without_the_head_nothing_of_it_is_made():
    assert backbones.load("vgg11", "random").layers[-1] == "pool5"
    assert backbones.layer_names("vgg11")[-1] == "fc8"


def test_several_layers_come_from_one_pass_no_further_than_the_deepest():
    network, ran = mini(), []
    hooks = [
        module.register_forward_hook(lambda *_, layer=layer: ran.append(layer))
        for layer, module in network.module.named_children()
    ]
    try:
        maps = network.features(image(), ["relu2_2", "relu1_1"])
        assert list(maps) == ["relu2_2", "relu1_1"]
        assert ran == list(network.layers[: network.layers.index("relu2_2") + 1])
        ran.clear()
        terms = [network.at("relu1_2"), Gram() @ network.at("relu3_1"), Gram() @ network.at("relu1_2")]
        energy = sum(RepresentationError(phi, phi(image(seed=1))) for phi in terms)
        ran.clear()
        energy(image())
        once = list(network.layers[: network.layers.index("relu3_1") + 1])
        assert ran == once
        ran.clear()
        energy.terms(image())
        assert ran == once
    finally:
        for hook in hooks:
            hook.remove()


def test_a_shared_pass_changes_no_value_and_no_gradient():
    network, x = mini(), image().requires_grad_()
    phis = [network.at(layer) for layer in ("relu3_1", "relu1_1", "conv2_1")]
    energies = [RepresentationError(phi, phi(image(seed=1))) for phi in phis]
    apart = sum(energy(x) for energy in energies)
    shared = sum(energies[1:], energies[0])(x)
    torch.testing.assert_close(apart, shared)
    one, other = torch.autograd.grad(apart.sum(), x), torch.autograd.grad(shared.sum(), x)
    torch.testing.assert_close(one, other)


def test_what_is_kept_is_for_the_very_same_tensor():
    network, x = mini(), image()
    with one_evaluation():
        before = network.features(x, ["relu1_1"])["relu1_1"]
        x += 0.1
        assert not torch.equal(network.features(x, ["relu1_1"])["relu1_1"], before)
        with torch.no_grad():
            maps = network.features(x.requires_grad_(), ["relu1_1"])
        assert not maps["relu1_1"].requires_grad
        assert network.features(x, ["relu1_1"])["relu1_1"].requires_grad


def test_gradients_are_right_in_double_precision():
    phi = mini().at("relu2_1")
    x = image(8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: phi(x).square().sum((1, 2, 3)), x, eps=1e-6)


def by_plain_layers(network: backbones.Backbone, layer: str, x: torch.Tensor) -> torch.Tensor:
    """The layers one after the other, with contiguous weights and maps throughout."""
    mean, deviation = (torch.tensor(each).reshape(1, 3, 1, 1) for each in network.colour)
    x = (x - mean) / deviation
    for name, module in network.module.named_children():
        plain = copy.deepcopy(module).to(memory_format=torch.contiguous_format)
        x = plain(x.contiguous())
        if name == layer:
            return x
    raise AssertionError(layer)


@pytest.mark.parametrize(("name", "layer"), [("vgg_mini", "relu3_1"), ("squeezenet1_1", "fire4"), ("alexnet", "fc6")])
def test_the_layout_in_memory_is_the_callers_own(name, layer):
    """Inside the channels come last; maps, gradients and numbers are those of plain contiguous layers."""
    network = backbones.load(name, "random", layers=[layer])
    x = image(64, batch=2).requires_grad_()
    maps = network.features(x, [layer, network.layers[1]])
    expected = by_plain_layers(network, layer, x)
    assert_same_up_to_rounding(maps[layer], expected)
    assert all(each.is_contiguous() for each in maps.values())
    goal = torch.rand(expected.shape, generator=torch.Generator().manual_seed(1))
    (ours,) = torch.autograd.grad((maps[layer] * goal).sum(), x)
    assert_same_up_to_rounding(ours, torch.autograd.grad((expected * goal).sum(), x)[0])
    assert ours.is_contiguous()
    (network.at(layer)(x) * goal).sum().backward()
    assert x.grad.is_contiguous()


def test_an_image_with_its_channels_last_gets_such_a_gradient():
    phi, x = mini().at("relu2_1"), image(16, batch=2)
    last = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    (gradient,) = torch.autograd.grad(phi(last).square().sum(), last)
    assert gradient.stride() == last.stride()
    (expected,) = torch.autograd.grad(phi(x.requires_grad_()).square().sum(), x)
    assert_same_up_to_rounding(gradient, expected)


def test_torchs_function_transforms_go_through():
    phi, x = mini().at("relu2_1"), image(8, batch=2)

    def energy(x):
        return phi(x[None]).square().sum()

    each = torch.stack([torch.func.grad(energy)(one) for one in x])
    assert_same_up_to_rounding(torch.func.vmap(torch.func.grad(energy))(x), each)
    _, along = torch.func.jvp(energy, (x[0],), (x[1],))
    assert_same_up_to_rounding(along, (each[0] * x[1]).sum())


def test_an_image_alone_is_what_it_is_in_a_batch():
    phi, x = mini().at("mini4_2"), image(batch=3)
    torch.testing.assert_close(phi(x)[1:2], phi(x[1:2]))


def test_names_of_operators_and_channels():
    phi = backbones.representation("vgg_mini", "relu3_1", weights="random")
    assert phi.name == "vgg_mini relu3_1" and phi.channels == 64
    assert (Gram() @ phi).name == "gram of vgg_mini relu3_1"


def test_random_weights_follow_their_seed_and_leave_torchs_generator():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, other = (backbones.load("vgg_mini", "random", seed=seed) for seed in (11, 12))
    assert torch.equal(torch.rand(1), expected)
    assert not torch.equal(one.module[0].weight, other.module[0].weight)
    assert backbones.load("vgg_mini", "random", seed=11) is one
    assert not any(parameter.requires_grad for parameter in one.module.parameters())


def test_googlenet_normalises_responses_and_joins_four_branches():
    network = backbones.load("googlenet", "random")
    assert isinstance(network.module.get_submodule("norm1"), nn.LocalResponseNorm)
    block, x = network.module.get_submodule("inception_3a"), torch.rand(1, 192, 4, 4)
    parts = dict(block.named_children())
    pooled = nn.functional.max_pool2d(x, 3, stride=1, padding=1)
    expected = [
        parts["1x1"](x).relu(),
        parts["3x3"](parts["3x3_reduce"](x).relu()).relu(),
        parts["5x5"](parts["5x5_reduce"](x).relu()).relu(),
        parts["pool_proj"](pooled).relu(),
    ]
    torch.testing.assert_close(block(x), torch.cat(expected, 1))


def test_every_set_of_weights_ends_at_a_layer_of_its_network():
    for name, tiers in WEIGHTS.items():
        for own in tiers.values():
            assert own.last in backbones.layer_names(name)
    assert {tiers["torchvision"].file for tiers in WEIGHTS.values() if "torchvision" in tiers} <= set(NETWORK)


def test_wrong_questions_get_the_right_names():
    with pytest.raises(ValueError, match="no network 'vgg0'; there are alexnet, vgg11"):
        backbones.load("vgg0")
    with pytest.raises(ValueError, match="vgg16 has no layer 'relu3_4'; its layers are conv1_1, relu1_1"):
        backbones.representation("vgg16", "relu3_4")
    with pytest.raises(ValueError, match="'embedded', 'random'; got 'local'"):
        backbones.load("vgg_mini", "local")
    with pytest.raises(ValueError, match="sequence of layer names"):
        mini().features(image(), "relu1_1")
    with pytest.raises(ValueError, match="x must have 3 channels"):
        mini().features(image()[:, :1], ["relu1_1"])
    with pytest.raises(ValueError, match="too small for vgg_mini pool2: 1 x 1 positions.*smallest image is 4 x 4"):
        mini().features(image(3), ["relu3_1"])
    with pytest.raises(ValueError, match=r"vgg11 with these weights .* has no layer 'fc6'"):
        backbones.load("vgg11", "random").at("fc6")
