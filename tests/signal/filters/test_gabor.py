"""Gabor filters by their spectra."""

import pytest
import torch

from deeprestore_lab.signal import filters
from refusals import refused

WIDE = torch.float64


def test_gabor_filters_peak_at_their_wavelength_and_come_in_quadrature():
    bank = filters.gabor_filters(4, wavelengths=(4.0, 8.0), dtype=WIDE)
    assert bank.shape[0] == 16
    spectra = torch.fft.fft2(bank, s=(64, 64)).abs()
    for scale, wavelength in enumerate((4.0, 8.0)):
        even, odd = spectra[8 * scale], spectra[8 * scale + 1]  # along the horizontal
        for spectrum in (even, odd):
            row, column = divmod(int(spectrum.argmax()), 64)
            assert row == 0 and min(column, 64 - column) == pytest.approx(64 / wavelength, abs=2)
        assert float((bank[8 * scale] * bank[8 * scale + 1]).sum()) == pytest.approx(0, abs=1e-12)
    assert float(bank.sum((1, 2)).abs().max()) < 1e-12


test_bad_arguments_are_refused = refused(
    (lambda: filters.gabor_filters(wavelengths=()), "wavelengths must be"),
    (lambda: filters.gabor_filters(wavelengths=(-1.0,)), "each wavelength must be"),
)
