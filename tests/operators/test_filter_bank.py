"""Filter banks against single blurs, their matrices and NumPy; the separable one against the plain one."""

import numpy as np
import pytest
import torch

from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Blur, FilterBank, SeparableFilterBank, as_matrix
from deeprestore_lab.signal.filters import cosine_filters, framelet_masks, framelets, random_filters
from deeprestore_lab.solve import minimise
from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients

WIDE = torch.float64


def bank_of(count=3, size=4):
    return random_filters(count, size=size, seed=1, dtype=WIDE)


BANKS = {
    "plain": FilterBank(bank_of()),
    "separable": SeparableFilterBank(torch.randn(3, 4, dtype=WIDE), torch.randn(2, 5, dtype=WIDE)),
    "square": SeparableFilterBank(torch.randn(3, 3, dtype=WIDE)),
}


def test_each_response_is_a_blur_by_one_filter():
    x = torch.rand(2, 3, 7, 9, dtype=WIDE)
    responses = FilterBank(bank_of())(x)
    assert responses.shape == (2, 3, 3, 7, 9)
    for k, kernel in enumerate(bank_of()):
        torch.testing.assert_close(responses[:, :, k], Blur(kernel)(x))


@pytest.mark.parametrize("name", BANKS)
@pytest.mark.parametrize("size", [(7, 9), (8, 8), (5, 6)])
def test_adjoint_and_eigenvalues_are_those_of_the_matrix(name, size):
    A = BANKS[name]
    x, y = torch.rand(2, 2, *size, dtype=WIDE), torch.rand(2, 2, len(A), *size, dtype=WIDE)
    torch.testing.assert_close((A(x) * y).sum(), (x * A.adjoint(y)).sum())
    matrix = as_matrix(A, (1, *size), dtype=WIDE)
    eigenvalues = torch.linalg.eigvalsh(matrix.mT @ matrix)
    ours = A.normal_eigenvalues(x, "fft")
    assert float(ours.min()) == pytest.approx(float(eigenvalues[0]), abs=1e-9)
    assert float(ours.max()) == pytest.approx(float(eigenvalues[-1]), rel=1e-9)
    assert A.normal_eigenvalues(x, "dct") is None
    assert A.norm(x) == pytest.approx(float(eigenvalues[-1]) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("name", BANKS)
def test_the_pseudo_inverse_is_that_of_the_matrix(name):
    A, y = BANKS[name], torch.rand(1, 1, len(BANKS[name]), 6, 7, dtype=WIDE)
    matrix = as_matrix(A, (1, 6, 7), dtype=WIDE)
    expected = np.linalg.pinv(matrix.numpy()) @ y.flatten().numpy()
    np.testing.assert_allclose(A.pseudo_inverse(y).flatten(), expected, atol=1e-9)


def test_a_lost_frequency_comes_back_as_zero():
    """A difference loses the mean; what comes back is the image without it, the solution of smallest norm."""
    A, x = FilterBank(torch.tensor([[[1.0, -1.0]], [[0.5, -0.5]]])), torch.rand(1, 1, 1, 8)
    torch.testing.assert_close(A.pseudo_inverse(A(x)), x - x.mean(), atol=1e-6, rtol=0)


def test_a_frequency_that_passes_by_rounding_alone_is_lost():
    """Taps that sum to zero but for their last digit: what they say of the mean is not believed."""
    A = FilterBank(torch.tensor([[[0.1, 0.2, -0.3]]]))
    assert 0 < float(A.power((1, 8))[0, 0]) < 1e-14
    y = torch.ones(1, 1, 1, 1, 8) + 0.1 * torch.rand(1, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0))
    assert abs(float(A.pseudo_inverse(y).mean())) < 1e-5


@pytest.mark.parametrize("name", ["plain", "separable"])
def test_the_pseudo_inverse_is_what_minimise_and_conjugate_gradients_find(name):
    A = BANKS[name]
    y = torch.rand(2, 1, len(A), 8, 9, dtype=WIDE)
    trace = minimise(GaussianLikelihood(A, y, sigma=0.1), torch.zeros(2, 1, 8, 9, dtype=WIDE))
    assert trace.solver == "closed_form" and trace.stopped_by == ["exact", "exact"]
    torch.testing.assert_close(trace.x, A.pseudo_inverse(y))
    x, _, _ = conjugate_gradients(lambda v: A.adjoint(A(v)), A.adjoint(y), tolerance=1e-12)
    torch.testing.assert_close(x, A.pseudo_inverse(y))


@pytest.mark.parametrize(
    ("fast", "bank"),
    [
        (SeparableFilterBank(torch.from_numpy(np.eye(3))), None),
        (BANKS["separable"], None),
        (SeparableFilterBank(framelet_masks("linear", dtype=WIDE)), framelets(1, kind="linear", dtype=WIDE)),
        (SeparableFilterBank(framelet_masks("haar", dtype=WIDE)), framelets(1, kind="haar", dtype=WIDE)),
    ],
)
@pytest.mark.parametrize("size", [(8, 9), (5, 5)])
def test_a_separable_bank_is_the_plain_one_of_its_products(fast, bank, size):
    plain = FilterBank(fast.bank if bank is None else bank)
    x, y = torch.rand(2, 3, *size, dtype=WIDE), torch.rand(2, 3, len(plain), *size, dtype=WIDE)
    torch.testing.assert_close(fast(x), plain(x))
    torch.testing.assert_close(fast.adjoint(y), plain.adjoint(y))
    torch.testing.assert_close(fast.adjoint_spectrum(y), plain.adjoint_spectrum(y))
    torch.testing.assert_close(fast.normal_eigenvalues(x, "fft"), plain.normal_eigenvalues(x, "fft"))
    torch.testing.assert_close(fast.pseudo_inverse(y), plain.pseudo_inverse(y))


def test_gradients_go_through_both():
    for A in (BANKS["plain"], BANKS["separable"]):
        x = torch.rand(1, 1, 5, 6, dtype=WIDE, requires_grad=True)
        assert torch.autograd.gradcheck(lambda v, A=A: A.pseudo_inverse(A(v).square()), x)


def test_cached_transfers_serve_training_after_inference():
    A, x = FilterBank(cosine_filters(2)), torch.rand(1, 1, 4, 4)
    with torch.inference_mode():
        A.pseudo_inverse(A(x))
    A.pseudo_inverse(A(x.requires_grad_())).sum().backward()
    assert x.grad is not None


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="bank must be"):
        FilterBank(torch.ones(3, 3))
    with pytest.raises(ValueError, match="bank must be"):
        FilterBank(torch.full((1, 3, 3), torch.nan))
    with pytest.raises(ValueError, match="columns must be"):
        SeparableFilterBank(torch.ones(3))
    for A in (FilterBank(torch.ones(2, 5, 5)), SeparableFilterBank(torch.ones(2, 5))):
        with pytest.raises(ValueError, match="larger than the image"):
            A(torch.rand(1, 1, 4, 8))
        with pytest.raises(ValueError, match="responses to"):
            A.adjoint(torch.rand(1, 1, 8, 8))
        with pytest.raises(ValueError, match="responses to"):
            A.pseudo_inverse(torch.rand(1, 1, 3, 8, 8))


def test_frequencies_that_a_bank_hardly_passes_come_back_too():
    """1 + 0.99 z passes the highest frequency with 2.5e-5 of the power of the lowest."""
    bank = FilterBank(torch.tensor([[[1.0, 0.99]]], dtype=WIDE))
    x = torch.rand(1, 1, 4, 6, dtype=WIDE)
    torch.testing.assert_close(bank.pseudo_inverse(bank(x)), x, rtol=0, atol=1e-12)
