"""Frame bounds against the eigenvalues of the matrix; the error that noise leaves against draws."""

import pytest
import torch

from deeprestore_lab.images.noise import gaussian_noise
from deeprestore_lab.operators import FilterBank, as_matrix
from deeprestore_lab.operators.frames import cosine_frame, frame_bounds, power, redundancy, response_noise_error
from deeprestore_lab.signal.filters import (
    cosine_filters,
    framelets,
    impulse,
    join,
    oriented_derivatives,
    random_filters,
)

WIDE = torch.float64


@pytest.mark.parametrize("size", [(6, 7), (8, 6)])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_bounds_and_error_are_those_of_the_matrix(count, size):
    bank = random_filters(count, size=4, seed=count, dtype=WIDE)
    matrix = as_matrix(FilterBank(bank), (1, *size), dtype=WIDE)
    eigenvalues = torch.linalg.eigvalsh(matrix.mT @ matrix)
    bounds = frame_bounds(bank, size)
    assert bounds == pytest.approx((float(eigenvalues[0]), float(eigenvalues[-1])), rel=1e-6)
    error = response_noise_error(bank, size, sigma=0.3)
    assert error == pytest.approx(0.09 * float((1 / eigenvalues).mean()), rel=1e-6)
    assert 0.09 / bounds.upper <= error <= 0.09 / bounds.lower
    assert error >= 0.09 / count * (1 - 1e-9)  # filters of norm 1
    assert redundancy(bank) == count


@pytest.mark.parametrize("side", [2, 3, 8])
def test_cosines_are_tight(side):
    bounds = frame_bounds(cosine_filters(side, dtype=WIDE), (16, 15))
    assert bounds.is_tight and bounds.is_frame
    assert bounds == pytest.approx((side**2, side**2))
    assert response_noise_error(cosine_filters(side, dtype=WIDE), (16, 15)) == pytest.approx(side**-2)


@pytest.mark.parametrize("kind", ["haar", "linear"])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_framelets_are_tight_with_bound_one(kind, levels):
    assert frame_bounds(framelets(levels, kind=kind, dtype=WIDE), (32, 33)) == pytest.approx((1.0, 1.0))


def test_derivatives_lose_the_mean_and_one_impulse_mends_it():
    bank = oriented_derivatives(4, size=7, dtype=WIDE)
    bounds = frame_bounds(bank, (16, 16))
    assert not bounds.is_frame and not bounds.is_tight
    assert response_noise_error(bank, (16, 16)) == float("inf")
    mended = frame_bounds(join(bank, impulse(dtype=WIDE)), (16, 16))
    assert mended == pytest.approx((1.0, bounds.upper + 1))


def test_the_power_has_parsevals_mean():
    bank = random_filters(3, size=5, dtype=WIDE)
    full = torch.fft.fft2(bank, s=(12, 10)).abs().square().sum(0)
    assert float(full.mean()) == pytest.approx(3.0)
    torch.testing.assert_close(power(bank, (12, 10)), full[:, :6])


def test_the_error_is_that_of_draws():
    bank, x = random_filters(3, size=5, dtype=WIDE), torch.rand(1, 1, 96, 96, dtype=WIDE)
    A = FilterBank(bank)
    r = A(x)
    errors = [
        (A.pseudo_inverse(r + gaussian_noise(r, sigma=0.1, seed=seed)) - x).square().mean().item() for seed in range(8)
    ]
    # the relative deviation, sqrt(2 mean(P^-2) / mean(P^-1)^2 / (8 x 9216)) for the power P, is 0.75 per cent here
    assert sum(errors) / 8 == pytest.approx(response_noise_error(bank, (96, 96), sigma=0.1), rel=0.03)


def test_an_operator_serves_as_well_as_its_bank():
    for operator in (cosine_frame(3, dtype=WIDE), FilterBank(random_filters(3, size=4, dtype=WIDE))):
        assert frame_bounds(operator, (9, 8)) == pytest.approx(frame_bounds(operator.bank, (9, 8)))
        assert response_noise_error(operator, (9, 8)) == pytest.approx(response_noise_error(operator.bank, (9, 8)))
        assert redundancy(operator) == redundancy(operator.bank)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="bank must be"):
        frame_bounds(torch.ones(3, 3), (8, 8))
    with pytest.raises(ValueError, match="larger than the image"):
        frame_bounds(torch.ones(1, 9, 3), (8, 8))
    for size in (8, (8,), (8, 0), (8.0, 8)):
        with pytest.raises(ValueError, match="size must be a (pair|whole number of at least 1 or a pair)"):
            frame_bounds(impulse(), size)
    with pytest.raises(ValueError, match="sigma must be"):
        response_noise_error(impulse(), (8, 8), sigma=-1.0)
