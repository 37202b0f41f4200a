"""Winograd's convolution and the merged interpolation, against torch's conv2d in float64 and gradcheck."""

import pytest
import torch
from torch.nn import functional

from deeprestore_lab.networks.fast.normalisation import normalised_for_upsampling
from deeprestore_lab.networks.fast.upsampled_convolution import upsampled_convolution
from deeprestore_lab.networks.fast.winograd import winograd


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def up(x: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


@pytest.mark.parametrize("size", [(4, 4), (8, 12), (5, 7), (1, 2)])
def test_is_conv2d_with_its_gradients(size):
    x, w, b = normal(1, 3, size[0] + 2, size[1] + 2), normal(5, 3, 3, 3, seed=1), normal(5, seed=2)
    inputs = [t.requires_grad_() for t in (x, w, b)]
    ours, expected = winograd(*inputs), functional.conv2d(*inputs)
    torch.testing.assert_close(ours, expected, rtol=1e-11, atol=1e-11)
    g = normal(*expected.shape, seed=3)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, g), torch.autograd.grad(expected, inputs, g), rtol=1e-11, atol=1e-11
    )


def test_gradcheck():
    inputs = [t.requires_grad_() for t in (normal(1, 2, 7, 6), normal(2, 2, 3, 3, seed=1), normal(2, seed=2))]
    assert torch.autograd.gradcheck(winograd, inputs)


def test_gradients_of_gradients_are_refused():
    inputs = [t.requires_grad_() for t in (normal(1, 2, 6, 6), normal(2, 2, 3, 3, seed=1), normal(2, seed=2))]
    with pytest.raises(RuntimeError, match="first derivatives alone"):
        torch.autograd.grad(winograd(*inputs).square().sum(), inputs, create_graph=True)


def test_single_precision_loses_at_most_1e_5_of_the_result():
    x, w, b = normal(1, 128, 34, 34), normal(128, 128, 3, 3, seed=1), torch.zeros(128, dtype=torch.float64)
    expected = functional.conv2d(x, w)
    assert (winograd(x.float(), w.float(), b.float()) - expected).norm() < 1e-5 * expected.norm()


@pytest.mark.parametrize(("size", "full_channels"), [((8, 8), 2), ((6, 5), 3), ((4, 7), 0), ((2, 2), 1)])
def test_merged_interpolation_is_the_convolution_of_the_interpolated_map(size, full_channels):
    height, width = size
    full = normal(1, full_channels, 2 * height, 2 * width).requires_grad_() if full_channels else None
    small, b = normal(1, 3, height, width, seed=1).requires_grad_(), normal(4, seed=2).requires_grad_()
    w = normal(4, full_channels + 3, 3, 3, seed=3).requires_grad_()
    ours = functional.pixel_shuffle(upsampled_convolution(full, small, w, b), 2)
    both = up(small) if full is None else torch.cat([full, up(small)], 1)
    expected = functional.conv2d(functional.pad(both, (1, 1, 1, 1), mode="reflect"), w, b)
    torch.testing.assert_close(ours, expected, rtol=1e-11, atol=1e-11)
    inputs, g = [small, w, b] + ([] if full is None else [full]), normal(*expected.shape, seed=4)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, g), torch.autograd.grad(expected, inputs, g), rtol=1e-11, atol=1e-11
    )


def test_normalised_before_interpolation_is_normalised_after_it():
    x, gamma, beta = normal(1, 3, 5, 6) * 2 + 7, normal(3, seed=1), normal(3, seed=2)
    inputs = [t.requires_grad_() for t in (x, gamma, beta)]
    ours = up(normalised_for_upsampling(*inputs, 1e-5))
    expected = functional.batch_norm(up(x), None, None, gamma, beta, training=True)
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)
    g = normal(*expected.shape, seed=3)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, g), torch.autograd.grad(expected, inputs, g), rtol=1e-9, atol=1e-10
    )
