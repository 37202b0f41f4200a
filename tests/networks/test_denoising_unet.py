"""The denoiser that is told the level of the noise: the network, and the weights that ship."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

import deeprestore_lab as drl
from deeprestore_lab.core import artifacts
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.networks import DenoisingUNet, trained_denoiser


def with_random_last(**settings) -> DenoisingUNet:
    net = DenoisingUNet(**settings)
    with torch.no_grad():
        net.last.weight.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    return net.requires_grad_(False).double().eval()


def by_hand(net: DenoisingUNet, y: torch.Tensor, sigma: float) -> torch.Tensor:
    """One scale and one below it, written out; sides that four divides."""
    w = {name: p for name, p in net.named_parameters()}

    def block(h, name):
        inner = functional.conv2d(h, w[f"{name}.layers.0.weight"], padding=1).clamp_min(0)
        return h + functional.conv2d(inner, w[f"{name}.layers.2.weight"], padding=1)

    n, c, height, width = y.shape
    h = y.reshape(n, c, height // 2, 2, width // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(n, 4 * c, height // 2, -1)
    h = torch.cat([h, torch.full_like(h[:, :1], sigma)], 1)
    full = block(functional.conv2d(h, w["head.weight"], padding=1), "before.0")
    small = block(functional.conv2d(full, w["down.0.weight"], stride=2), "before.1")
    h = block(functional.conv_transpose2d(small, w["up.0.weight"], stride=2) + full, "after.0")
    r = functional.conv2d(h, w["last.weight"], padding=1)
    r = r.reshape(n, c, 2, 2, height // 2, width // 2).permute(0, 1, 4, 2, 5, 3).reshape(y.shape)
    return y + r


@pytest.mark.parametrize("channels", [1, 3])
def test_layer_by_layer(channels):
    net = with_random_last(channels=channels, widths=(6, 8))
    y = torch.rand(2, channels, 12, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(net(y, 0.2), by_hand(net, y, 0.2))
    assert float((net(y, 0.2) - y).abs().max()) > 1e-3
    each = torch.tensor([0.1, 0.3], dtype=torch.float64)  # a level for each image
    torch.testing.assert_close(net(y, each), torch.cat([by_hand(net, y[:1], 0.1), by_hand(net, y[1:], 0.3)]))


@given(height=st.integers(1, 21), width=st.integers(1, 21), scales=st.integers(1, 3))
def test_every_size(height, width, scales):
    net = with_random_last(channels=1, widths=(2,) * scales)
    y = torch.rand(1, 1, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    z = net(y, 0.1)
    assert z.shape == y.shape
    every = 2**scales
    larger = functional.pad(y, (0, -width % every, 0, -height % every), mode="replicate")
    torch.testing.assert_close(z, net(larger, 0.1)[..., :height, :width])


@given(factor=st.floats(0.01, 3))
def test_a_factor_goes_through(factor):
    net = with_random_last(widths=(6, 8))
    y = torch.randn(1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(net(factor * y, factor * 0.2), factor * net(y, 0.2))


def test_a_start_belongs_to_its_seed():
    first, again, other = (DenoisingUNet(widths=(4, 4), seed=seed).head.weight for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_shipped_one():
    net = trained_denoiser()
    assert not any(p.requires_grad for p in net.parameters()) and not net.training
    card = artifacts.card("denoising_unet", kind="weights")
    assert "Lomiri" in card.data and (artifacts.SHIPPED / "weights" / "denoising_unet.safetensors").stat().st_size < 1e6
    x = drl.images.photograph("chelsea", size=64)
    for level in (10 / 255, 25 / 255, 50 / 255):
        y = x + drl.images.gaussian_noise(x, sigma=level, seed=0)
        assert float(psnr(net(y, level), x)) > float(psnr(y, x)) + 5
    y = y.requires_grad_()
    assert float(torch.autograd.grad(net(y, 0.1).sum(), y)[0].abs().max()) > 0


def test_wrong_input():
    net = DenoisingUNet(widths=(4, 4))
    for y, sigma, words in [
        (torch.rand(1, 1, 8, 8), 0.1, "3 channels"),
        (torch.rand(1, 3, 8, 8), 25, "25 / 255"),
        (torch.rand(1, 3, 8, 8), -0.1, "sigma"),
        (255 * torch.rand(1, 3, 8, 8), 0.1, "divide by 255"),
        (torch.rand(2, 3, 8, 8), torch.tensor([0.1, 0.1, 0.1]), "one value per image"),
    ]:
        with pytest.raises(ValueError, match=words):
            net.eval()(y, sigma)
    with pytest.raises(ValueError, match="a width"):
        DenoisingUNet(widths=(0,))
