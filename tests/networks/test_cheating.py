"""The copying network: exact on what it should copy, its Jacobian taken whole, and what upsampling makes impossible."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.networks import EncoderDecoder, copying_network


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
