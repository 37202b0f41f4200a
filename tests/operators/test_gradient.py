"""Forward differences against numpy."""

import numpy as np
import pytest
import torch

from deeprestore_lab.operators import Gradient, forward_differences, forward_differences_adjoint

BORDER_OF_NUMPY = {"neumann": "edge", "circular": "wrap"}


@pytest.mark.parametrize("border", BORDER_OF_NUMPY)
@pytest.mark.parametrize("size", [(5, 7), (1, 4), (1, 1), (2, 2)])
def test_differences_are_numpys(border, size):
    x = torch.rand(2, 3, *size, dtype=torch.float64)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (0, 1), (0, 1)), mode=BORDER_OF_NUMPY[border])
    d = Gradient(border=border)(x)
    assert d.shape == (2, 3, 2, *size)
    np.testing.assert_array_equal(d[:, :, 0], np.diff(padded, axis=2)[..., :-1])
    np.testing.assert_array_equal(d[:, :, 1], np.diff(padded, axis=3)[..., :-1, :])


@pytest.mark.parametrize("border", BORDER_OF_NUMPY)
def test_writing_into_a_given_tensor_gives_the_same(border):
    x, d = torch.rand(2, 3, 5, 7), torch.rand(2, 3, 2, 5, 7)
    out = torch.full_like(d, torch.nan)
    assert forward_differences(x, border=border, out=out) is out
    assert torch.equal(out, forward_differences(x, border=border))
    out = torch.full_like(x, torch.nan)
    assert forward_differences_adjoint(d, border=border, out=out) is out
    torch.testing.assert_close(out, forward_differences_adjoint(d, border=border))


def test_the_steps_out_of_the_image_do_not_count():
    d = torch.zeros(1, 1, 2, 3, 3)
    d[:, :, 0, -1], d[:, :, 1, :, -1] = 5.0, 5.0
    assert (Gradient().adjoint(d) == 0).all()


def test_inputs_are_left_alone():
    x, d = torch.rand(1, 1, 4, 4), torch.rand(1, 1, 2, 4, 4)
    x_before, d_before = x.clone(), d.clone()
    for border in BORDER_OF_NUMPY:
        Gradient(border=border).adjoint(d), Gradient(border=border)(x)
    assert torch.equal(x, x_before) and torch.equal(d, d_before)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="'neumann', 'circular'"):
        Gradient(border="zero")
    with pytest.raises(ValueError, match="\\(N, C, 2, H, W\\)"):
        Gradient().adjoint(torch.rand(1, 2, 4, 4))
