"""Cosine patterns against SciPy's and framelets by their spectra; that they are tight is tested with the frames."""

import numpy as np
import pytest
import scipy.fft
import torch

from deeprestore_lab.signal import filters
from refusals import refused

WIDE = torch.float64


def test_cosines_are_scipys_basis():
    for index, kernel in enumerate(filters.cosine_filters(5, dtype=WIDE)):
        spectrum = np.zeros((5, 5))
        spectrum[divmod(index, 5)] = 1
        np.testing.assert_allclose(kernel, scipy.fft.idctn(spectrum, norm="ortho"), atol=1e-12)


@pytest.mark.parametrize("kind", ["haar", "linear"])
def test_a_second_level_splits_the_first_low_pass(kind):
    one, two = filters.framelets(1, kind=kind, dtype=WIDE), filters.framelets(2, kind=kind, dtype=WIDE)
    count = len(one) - 1
    assert len(two) == 1 + 2 * count
    low = torch.fft.fft2(one[0], s=(16, 16)).abs()
    frequency = torch.arange(16) * 2 % 16  # zeros between the taps read the spectrum at twice the frequency
    expected = low * low[frequency][:, frequency]
    torch.testing.assert_close(torch.fft.fft2(two[0], s=(16, 16)).abs(), expected, atol=1e-12, rtol=0)
    fine = torch.fft.fft2(two[1 : 1 + count], s=(16, 16)).abs()
    torch.testing.assert_close(fine, torch.fft.fft2(one[1:], s=(16, 16)).abs(), atol=1e-12, rtol=0)


test_bad_arguments_are_refused = refused(
    (lambda: filters.cosine_filters(0), "side must be"),
    (lambda: filters.framelets(0), "levels must be"),
    (lambda: filters.framelets(kind="db4"), "kind must be one of"),
)
