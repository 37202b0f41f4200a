"""The patterns of the cosine transform against SciPy's."""

import numpy as np
import pytest
import scipy.fft
import torch

from deeprestore_lab.signal import filters

WIDE = torch.float64


def test_cosines_are_scipys_basis():
    for index, kernel in enumerate(filters.cosine_filters(5, dtype=WIDE)):
        spectrum = np.zeros((5, 5))
        spectrum[divmod(index, 5)] = 1
        np.testing.assert_allclose(kernel, scipy.fft.idctn(spectrum, norm="ortho"), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: filters.cosine_filters(0), "side must be"),
    ],
)
def test_bad_arguments_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
