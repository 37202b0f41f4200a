"""The hourglass against the paper's net, nested as the authors nest it out of torch's own layers; sizes and errors."""

import pytest
import torch
from torch import nn

from deeprestore_lab.networks import PRESETS, Hourglass, preset
from deeprestore_lab.networks.hourglass import Widths
from plain_hourglass import plain_hourglass, with_weights_of
from refusals import refused

PAPER = ([128] * 5, [128] * 5, [4] * 5)
SNAIL = ([8, 16, 32, 64, 128], [8, 16, 32, 64, 128], [0, 0, 0, 4, 4])


@pytest.mark.parametrize(
    ("name", "channels", "numbers", "mode"),
    [
        pytest.param("paper", 32, PAPER, "bilinear", marks=pytest.mark.slow),
        (Widths((8,) * 5, (8,) * 5, (4,) * 5), 32, ([8] * 5, [8] * 5, [4] * 5), "bilinear"),  # the paper's, narrower
        (Widths(*map(tuple, SNAIL)), 3, SNAIL, "bilinear"),  # the authors' net for the picture of a snail
        (Widths(*map(tuple, SNAIL)), 3, SNAIL, "nearest"),
    ],
)
def test_equals_the_published_net_with_the_same_weights(name, channels, numbers, mode):
    widths = preset(name) if isinstance(name, str) else name
    net = Hourglass(channels, 3, widths=widths, upsampling=mode).double()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn(p.shape, dtype=p.dtype))  # norms away from 1 and 0, so that each shows
    expected = with_weights_of(net, plain_hourglass(channels, *numbers, mode=mode))
    z = torch.rand(1, channels, 64, 64, dtype=torch.float64)
    ours, theirs = net(z), expected(z)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    direction = torch.randn_like(ours)
    gradients = [
        torch.autograd.grad((x * direction).sum(), list(f.parameters())) for x, f in ((ours, net), (theirs, expected))
    ]
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-7, atol=1e-8)


def test_the_paper_preset_has_the_published_number_of_parameters():
    count = sum(p.numel() for p in plain_hourglass(32, *PAPER).parameters())
    assert count == sum(p.numel() for p in Hourglass(32, 3, widths=preset("paper")).parameters()) == 2_217_831


def test_presets_grow_from_a_tenth_of_a_million_to_the_size_of_the_paper():
    counts = [sum(p.numel() for p in Hourglass(32, 3, widths=widths).parameters()) for widths in PRESETS.values()]
    assert list(PRESETS) == ["tiny", "small", "medium", "paper"]
    assert counts == sorted(counts) and 0.08e6 < counts[0] < 0.12e6 and round(counts[-1] / 1e6, 1) == 2.2


def test_weights_start_as_those_of_torch_convolutions_and_norms():
    net = Hourglass(4, 3, widths=Widths((16, 16), (16, 16), (4, 4)))
    for name, p in net.named_parameters():
        if p.ndim == 4:  # uniform within 1 / sqrt(inputs)
            bound = p[0].numel() ** -0.5
            assert 0.8 * bound < p.abs().max() <= bound, name
    plain = [p for p in net.parameters() if p.ndim == 1]
    norms = sum(isinstance(m, nn.Conv2d) for m in net.modules()) - 1 + net.scales  # the head has none
    assert sum(bool((p == 1).all()) for p in plain) == sum(bool((p == 0).all()) for p in plain) == norms


SMALL = Widths((6, 6, 6), (6, 6, 6), (2, 0, 2))


@pytest.mark.parametrize("size", [(9, 9), (9, 32), (10, 13), (17, 31), (40, 11)])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_any_size_from_the_least_on_is_kept(size, mode):
    net = Hourglass(3, 2, widths=SMALL, upsampling=mode)
    x = net(torch.rand(1, 3, *size))
    assert x.shape == (1, 2, *size) and 0 < x.min() and x.max() < 1


@pytest.mark.parametrize("size", [(8, 9), (32, 8), (1, 1)])
def test_a_size_below_the_least_is_refused_with_the_least(size):
    with pytest.raises(ValueError, match=rf"3 scales needs at least 9 pixels .*got \({size[0]}, {size[1]}\)"):
        Hourglass(3, 1, widths=SMALL)(torch.rand(1, 3, *size))


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_takes_the_least_size(name):
    net = Hourglass(2, 1, widths=preset(name))
    least = 2**net.scales + 1
    assert net(torch.rand(1, 2, least, least)).shape == (1, 1, least, least)
    with pytest.raises(ValueError, match=f"at least {least} pixels"):
        net(torch.rand(1, 2, least, least - 1))


def test_keeps_no_statistics_of_its_inputs():
    net = Hourglass(3, 1, widths=SMALL)
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    z = torch.rand(1, 3, 16, 16)
    first = net(z)
    net(5 * torch.rand(1, 3, 16, 16))
    assert torch.equal(net(z), first) and torch.equal(net.eval()(z), first)
    assert list(kept) == [name for name, _ in net.named_parameters()]
    assert all(torch.equal(kept[name], value) for name, value in net.state_dict().items())


test_bad_arguments_are_named = refused(
    (lambda: preset("huge"), "preset must be one of 'tiny', 'small', 'medium', 'paper'; got 'huge'"),
    (lambda: Hourglass(0, 3), "in_channels must be"),
    (lambda: Hourglass(3, 1.5), "out_channels must be"),
    (lambda: Hourglass(3, 1, upsampling="bicubic"), "upsampling must be one of"),
    (lambda: Hourglass(3, 1, widths=Widths((8, 8), (8, 8), (2,))), "down 2, up 2, skip 1"),
    (lambda: Hourglass(3, 1, widths=Widths((), (), ())), "one number for each scale"),
    (lambda: Hourglass(3, 1, widths=Widths((0,), (8,), (2,))), "a width of down must be .* at least 1"),
    (lambda: Hourglass(3, 1, widths=Widths((8,), (8,), (-1,))), "a width of skip must be .* at least 0"),
    (lambda: Hourglass(3, 1, widths="tiny"), "widths must be .*'tiny'"),
    (lambda: Hourglass(3, 1, widths=SMALL)(torch.rand(1, 2, 16, 16)), "z must have 3 channels"),
    (lambda: Hourglass(3, 1, widths=SMALL)(torch.rand(3, 16, 16)), r"z must be .*\(N, C, H, W\)"),
)
