"""Filters by their frequency response."""

import pytest
import torch

from deeprestore_lab.operators import Blur, FourierFilter
from deeprestore_lab.signal.convolution import gaussian_kernel, transfer_function


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (6, 7)])
def test_a_symmetric_blur_is_the_filter_of_its_transfer_function(size):
    kernel = gaussian_kernel(0.8, size=5, dtype=torch.float64)
    x = torch.rand(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(FourierFilter(transfer_function(kernel, size).real, size=size)(x), Blur(kernel)(x))


def test_a_response_for_each_channel():
    x = torch.rand(1, 2, 4, 4)
    response = torch.stack([torch.ones(4, 3), torch.zeros(4, 3)])
    y = FourierFilter(response, size=(4, 4))(x)
    torch.testing.assert_close(y[:, 0], x[:, 0])
    assert (y[:, 1] == 0).all()


def test_bad_input_is_refused():
    for response in (torch.ones(4, 4), torch.ones(4, 3, dtype=torch.complex64), torch.full((4, 3), torch.nan), 1.0):
        with pytest.raises(ValueError, match="finite real tensor \\(4, 3\\)"):
            FourierFilter(response, size=(4, 4))
    for column in (0, 2):
        lopsided = torch.ones(4, 3)
        lopsided[1, column] = 2
        with pytest.raises(ValueError, match=f"rows j and -j of column {column}"):
            FourierFilter(lopsided, size=(4, 4))
    with pytest.raises(ValueError, match="does not fit"):
        FourierFilter(torch.ones(4, 3), size=(4, 4))(torch.rand(1, 1, 4, 5))
