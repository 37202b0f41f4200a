"""Each bank against its formula by other means: finite differences, SciPy, FFT, steering."""

import math

import numpy as np
import pytest
import scipy.fft
import torch

from deeprestore_lab import filters

WIDE = torch.float64


def test_cosines_are_scipys_basis():
    for index, kernel in enumerate(filters.cosine_filters(5, dtype=WIDE)):
        spectrum = np.zeros((5, 5))
        spectrum[divmod(index, 5)] = 1
        np.testing.assert_allclose(kernel, scipy.fft.idctn(spectrum, norm="ortho"), atol=1e-12)


def test_all_but_framelets_and_steerable_ones_have_norm_one():
    for bank in (
        filters.cosine_filters(4),
        filters.oriented_derivatives(5),
        filters.gabor_filters(3),
        filters.random_filters(7, size=3),
    ):
        torch.testing.assert_close(filters.norms(bank), torch.ones(len(bank)))


def test_oriented_derivatives_turn():
    bank = filters.oriented_derivatives(4, sigma=1.3, elongation=1.5, size=11, dtype=WIDE)
    torch.testing.assert_close(bank[2], torch.rot90(bank[0]), atol=1e-12, rtol=0)  # 90 degrees, counter-clockwise
    torch.testing.assert_close(bank[3], torch.rot90(bank[1]), atol=1e-12, rtol=0)
    assert float(bank.sum((1, 2)).abs().max()) < 1e-12


def test_an_oriented_derivative_answers_to_its_own_edge_most():
    bank = filters.oriented_derivatives(6, size=9, dtype=WIDE)
    u, _ = filters.derivatives.rotated_grid(4, math.pi / 6 * 2)  # an edge whose normal is filter 2's direction
    answers = (bank * torch.tanh(u)).sum((1, 2)).abs()
    assert int(answers.argmax()) == 2


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_directional_derivative_is_a_finite_difference_of_the_one_below(order):
    """d/du of the derivative of order - 1, on a fine grid: sigma is large, so that pixels are small."""
    sigma, angle = 20.0, 0.0
    below = filters.directional_derivative(order - 1, angle, sigma=sigma)
    slope = sigma * (below[:, 2:] - below[:, :-2]) / 2
    exact = filters.directional_derivative(order, angle, sigma=sigma)[:, 1:-1]
    torch.testing.assert_close(slope, exact, atol=4e-3 * float(exact.abs().max()), rtol=0)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("angle", [0.0, 17.0, 90.0, 200.0])
def test_every_direction_is_a_sum_of_the_steerable_filters(order, angle):
    bank = filters.steerable_filters(order, sigma=1.5, dtype=WIDE)
    scale = filters.directional_derivative(order, 0.0, sigma=1.5).norm()
    expected = filters.directional_derivative(order, angle, sigma=1.5) / scale
    weights = filters.steering_weights(order, angle)
    torch.testing.assert_close(torch.einsum("k,khw->hw", weights, bank), expected, atol=1e-12, rtol=0)
    wrong = filters.steering_weights(order, angle + 20)
    assert (torch.einsum("k,khw->hw", wrong, bank) - expected).norm() > 0.1


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


def test_random_filters_have_seeds():
    assert torch.equal(filters.random_filters(2, seed=3), filters.random_filters(2, seed=3))
    assert not torch.equal(filters.random_filters(2, seed=3), filters.random_filters(2, seed=4))
    assert torch.equal(filters.random_filters(2, seed=3), filters.random_filters(5, seed=3)[:2])


def test_joined_banks_keep_their_transfer_functions():
    from deeprestore_lab.convolution import transfer_function

    banks = [torch.rand(2, 2, 5, dtype=WIDE), torch.rand(1, 3, 4, dtype=WIDE), filters.impulse(dtype=WIDE)]
    joined = transfer_function(filters.join(*banks), (9, 10))
    torch.testing.assert_close(joined, torch.cat([transfer_function(bank, (9, 10)) for bank in banks]))


def test_a_joined_bank_keeps_the_widest_precision():
    third = torch.full((1, 1, 1), 1 / 3, dtype=WIDE)
    joined = filters.join(torch.ones(1, 1, 1), third)
    assert joined.dtype == WIDE and float(joined[1]) == 1 / 3


def test_averages_are_the_filters_without_negative_taps():
    bank = filters.join(filters.cosine_filters(3), filters.impulse(), filters.framelets(2))
    assert filters.averages(bank).nonzero().flatten().tolist() == [0, 9, 10]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: filters.cosine_filters(0), "side must be"),
        (lambda: filters.oriented_derivatives(0), "orientations must be"),
        (lambda: filters.oriented_derivatives(size=4), "size must be odd"),
        (lambda: filters.oriented_derivatives(sigma=0.0), "sigma must be"),
        (lambda: filters.steerable_filters(0), "order must be"),
        (lambda: filters.gabor_filters(wavelengths=()), "wavelengths must be"),
        (lambda: filters.gabor_filters(wavelengths=(-1.0,)), "each wavelength must be"),
        (lambda: filters.framelets(0), "levels must be"),
        (lambda: filters.framelets(kind="db4"), "kind must be one of"),
        (lambda: filters.random_filters(0), "count must be"),
        (lambda: filters.unit_norm(torch.zeros(1, 2, 2)), "filter of zeros"),
        (lambda: filters.join(), "at least one bank"),
        (lambda: filters.check_bank(torch.ones(2, 2)), "bank must be"),
    ],
)
def test_bad_arguments_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
