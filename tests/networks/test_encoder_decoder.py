"""The encoder-decoder: shapes, arguments, nothing around the code; and the copying one, exact on what it copies."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deeprestore_lab.networks import EncoderDecoder, copying_network
from refusals import refused

KINDS = ("nearest", "bilinear", "transposed", "shuffle")


@pytest.mark.parametrize("upsampling", KINDS)
@pytest.mark.parametrize(("widths", "depth"), [((5,), 1), ((4, 6), 2), ((4, 6, 7), 3)])
def test_shapes_and_the_number_of_convolutions(widths, depth, upsampling):
    network = EncoderDecoder(channels=2, widths=widths, depth=depth, upsampling=upsampling)
    x = torch.rand(2, 2, 16, 24)
    code = network.encoder(x)
    assert code.shape == (2, widths[-1], 16 // 2 ** len(widths), 24 // 2 ** len(widths))
    assert network(x).shape == x.shape and network.multiple == 2 ** len(widths)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 2 * len(widths) * depth + 1
    assert sum(isinstance(layer, nn.ConvTranspose2d) for layer in convolutions) == (
        len(widths) if upsampling == "transposed" else 0
    )
    assert sum(isinstance(layer, nn.ReLU) for layer in network.modules()) == 2 * len(widths) * depth


def test_the_code_alone_decides_what_comes_out():
    network = EncoderDecoder(widths=(4,), depth=1)
    x = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        for parameter in network.encoder.parameters():
            parameter.zero_()
        assert torch.equal(network(x), network(torch.rand(1, 3, 8, 8)))


def test_values_are_free_and_variance_is_kept_at_the_start():
    x = torch.randn(2, 3, 64, 64)
    for upsampling in KINDS:
        y = EncoderDecoder(widths=(64, 64), depth=2, upsampling=upsampling)(x).detach()
        assert 0.05 < float(y.var()) < 20 and y.min() < 0 < y.max(), upsampling


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    torch.manual_seed(2)
    expected = torch.rand(1)
    torch.manual_seed(2)
    a, b, c = (EncoderDecoder(widths=(4,), seed=seed) for seed in (1, 1, 3))
    assert torch.equal(torch.rand(1), expected)
    weights = [network.encoder[0][0].weight for network in (a, b, c)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


test_wrong_settings_are_named = refused(
    ({"widths": ()}, "widths must hold"),
    ({"widths": 8}, "widths must hold"),
    ({"widths": (8, 0)}, "a width must be a whole number of at least 1"),
    ({"depth": 0}, "depth must be"),
    ({"upsampling": "cubic"}, "upsampling must be one of 'nearest', 'bilinear', 'transposed'"),
    by=lambda arguments: EncoderDecoder(**arguments),
)


def test_images_that_do_not_fit_are_named():
    network = EncoderDecoder(widths=(4, 4))
    with pytest.raises(ValueError, match=r"multiples of 4 for 2 blocks, got 16 x 18"):
        network(torch.zeros(1, 3, 16, 18))
    with pytest.raises(ValueError, match="must have 3 channels"):
        network(torch.zeros(1, 1, 16, 16))


def _x(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("channels", "blocks"), [(1, 1), (3, 1), (3, 2), (1, 3)])
def test_it_gives_back_its_input_to_the_border(channels, blocks):
    x = 3 * _x(2, channels, 16, 24) - 1  # down to -1, which the offset covers
    torch.testing.assert_close(copying_network(channels=channels, blocks=blocks)(x), x, rtol=0, atol=1e-6)


def test_without_the_offset_what_is_below_zero_is_cut():
    x = 2 * _x(1, 3, 8, 8) - 1
    torch.testing.assert_close(copying_network(offset=0.0)(x), x.clamp_min(0), rtol=0, atol=0)


def test_its_jacobian_is_the_identity():
    net = copying_network(channels=1, blocks=2)
    whole = torch.autograd.functional.jacobian(net, _x(1, 1, 8, 8)).reshape(64, 64)
    torch.testing.assert_close(whole, torch.eye(64), rtol=0, atol=1e-6)


def test_the_code_is_the_four_pixels_of_each_square():
    x = _x(1, 3, 8, 8)
    code = copying_network(offset=0.0).encoder(x)
    torch.testing.assert_close(code, torch.nn.functional.pixel_unshuffle(x, 2), rtol=0, atol=0)


def test_its_kernels_are_zeros_and_ones():
    values = {
        float(v)
        for m in copying_network(blocks=2).modules()
        if hasattr(m, "weight")
        for v in m.weight.detach().flatten()
    }
    assert values == {0.0, 1.0}


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_upsampling_first_cannot_give_back_stripes_of_two_pixels(upsampling):
    stripes = (torch.arange(64) % 2).float().expand(1, 3, 64, 64)
    for seed in range(3):
        net = EncoderDecoder(widths=(12,), depth=2, upsampling=upsampling, seed=seed)
        inside = net(stripes)[..., 12:-12, 12:-12]
        assert (inside - inside[..., :1, :1]).abs().max() < 1e-5  # flat, whatever the weights
