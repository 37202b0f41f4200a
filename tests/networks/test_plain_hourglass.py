"""The hourglass against a plain one with the same weights: images and gradients."""

import pytest
import torch
from torch.nn import functional

from deeprestore_lab.networks.fast import normalisation, upsampled_convolution, winograd
from deeprestore_lab.networks.fast.interpolation import interpolated, interpolation
from deeprestore_lab.networks.fast.normalisation import ChannelNorm
from deeprestore_lab.networks.fast.winograd import transforms
from deeprestore_lab.networks.hourglass import Hourglass, Widths, preset
from plain_hourglass import plain_hourglass, with_weights_of

WIDE = Widths((64, 64), (64, 72), (4, 0))
CASES = {
    "tiny": (preset("tiny"), (1, 32, 64, 64), "bilinear"),
    "tiny, odd": (preset("tiny"), (1, 32, 33, 50), "bilinear"),
    "tiny, oblong": (preset("tiny"), (1, 32, 32, 48), "bilinear"),
    "tiny, two images": (preset("tiny"), (2, 3, 32, 32), "bilinear"),
    "tiny, nearest": (preset("tiny"), (1, 2, 32, 48), "nearest"),
    "medium": (preset("medium"), (1, 32, 64, 64), "bilinear"),
    "wide": (WIDE, (1, 8, 32, 40), "bilinear"),
    "wide, sides not of whole tiles": (WIDE, (1, 8, 20, 28), "bilinear"),
    "wide, odd": (WIDE, (1, 8, 21, 31), "bilinear"),
}


def case(name: str, dtype: torch.dtype):
    """A net, an input and a direction for the images."""
    widths, shape, upsampling = CASES[name]
    torch.manual_seed(0)
    net = Hourglass(shape[1], 3, widths=widths, upsampling=upsampling).to(dtype)
    with torch.no_grad():
        for p in net.parameters():  # norms away from 1 and 0, as training leaves them
            p.add_(0.05 * torch.randn(p.shape, dtype=dtype))
    return net, torch.rand(shape, dtype=dtype), torch.randn(shape[0], 3, *shape[2:], dtype=dtype), upsampling


def both(name: str, dtype: torch.dtype):
    """Images and gradients of ours and of the plain net."""
    net, z, direction, upsampling = case(name, dtype)
    widths = CASES[name][0]
    other = with_weights_of(net, plain_hourglass(z.shape[1], widths.down, widths.up, widths.skip, mode=upsampling))
    images = [net(z), other(z)]
    gradients = [
        torch.autograd.grad((x * direction).sum(), list(f.parameters()))
        for x, f in zip(images, (net, other), strict=True)
    ]
    names = [parameter for parameter, _ in net.named_parameters()]
    return images[0].detach(), images[1].detach(), dict(zip(names, zip(*gradients, strict=True), strict=True))


@pytest.fixture
def early(monkeypatch):
    """Winograd's filtering and merged interpolation for small pictures too."""
    monkeypatch.setattr(winograd, "has_avx512", lambda: True)
    monkeypatch.setitem(winograd.LEAST, True, (48, 8 * 8))


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("wide")])
def test_wide_nets_of_small_pictures_are_the_plain_net(name):
    test_is_the_plain_net(name)


@pytest.mark.parametrize("name", CASES)
def test_is_the_plain_net(name):
    ours, plain, gradients = both(name, torch.float64)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-9)
    for parameter, (own, expected) in gradients.items():
        # the bias of a convolution before a norm has a gradient of 0, up to rounding
        torch.testing.assert_close(own, expected, rtol=1e-7, atol=1e-7, msg=lambda m, p=parameter: f"{p}: {m}")


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("name", ["tiny", "wide"])
def test_is_the_plain_net_up_to_rounding(name):
    ours, plain, gradients = both(name, torch.float32)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-5)
    own, expected = (torch.cat([pair[i].flatten() for pair in gradients.values()]) for i in (0, 1))
    assert (own - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize(
    ("avx512", "channels", "side", "expected"),
    [(True, 48, 32, True), (True, 47, 32, False), (False, 64, 128, False), (False, 144, 64, True)],
)
def test_winograd_is_taken_where_it_pays_on_this_machine(monkeypatch, avx512, channels, side, expected):
    monkeypatch.setattr(winograd, "has_avx512", lambda: avx512)
    x = torch.empty(1, 3, side, side)
    assert winograd.is_wide(x, channels=channels, out=256) is expected
    assert winograd.is_wide(x, channels=256, out=channels) is expected
    assert not winograd.is_wide(x.to("meta"), channels=256, out=256), "other devices have their own"


CACHED = (
    interpolation,
    normalisation._gram,
    transforms,
    upsampled_convolution._to_phases,
    upsampled_convolution._extended,
)


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("name", ["wide", "wide, odd"])
def test_gradients_do_not_depend_on_a_first_pass_in_inference_mode(name):
    for cached in CACHED:
        cached.cache_clear()
    net, z, _, _ = case(name, torch.float64)
    with torch.inference_mode():
        net(z)
    test_is_the_plain_net(name)
    assert not any(matrix.is_inference() for matrix in transforms(dtype=z.dtype, device=z.device))


@pytest.mark.parametrize(("size", "to"), [((5, 4), (10, 8)), ((3, 4), (5, 7)), ((1, 3), (2, 6))])
def test_interpolation_is_torchs(size, to):
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    expected = functional.interpolate(x, size=to, mode="bilinear", align_corners=False)
    torch.testing.assert_close(interpolated(x, to), expected)
    g = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(interpolated(x, to), x, g)[0], torch.autograd.grad(expected, x, g)[0]
    )


@pytest.mark.parametrize("images", [1, 2])
def test_norm_has_zero_mean_and_unit_variance(images):
    x = 3 + 2 * torch.randn(images, 4, 8, 6, dtype=torch.float64)
    y = ChannelNorm(4).double()(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-10)
    torch.testing.assert_close(y.var((0, 2, 3), correction=0), torch.ones(4, dtype=torch.float64), rtol=1e-5, atol=0)
