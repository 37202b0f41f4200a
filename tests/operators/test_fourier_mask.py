"""The Fourier mask against NumPy's DFT and dense matrices, in the real inner product."""

import numpy as np
import pytest
import torch

from deeprestore_lab.operators import Blur, FourierMask, Mask, as_matrix


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def complex_rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.complex(rand(*shape, seed=seed) - 0.5, rand(*shape, seed=seed + 1) - 0.5)


MASKS = {
    "half seen": rand(5, 6, seed=1) > 0.5,  # not symmetric
    "odd columns": rand(6, 5, seed=2) > 0.4,
    "weights": rand(5, 6, seed=3),
    "one for each channel": rand(2, 6, 6, seed=4) > 0.3,
    "one for each image": rand(3, 1, 6, 6, seed=5) > 0.3,
    "nothing": torch.zeros(4, 4, dtype=torch.bool),
}


@pytest.fixture(params=MASKS)
def pair(request):
    mask = MASKS[request.param]
    return FourierMask(mask), mask, rand(3, 2, *mask.shape[-2:], seed=7)


def test_it_is_the_orthonormal_transform_times_the_mask(pair):
    A, mask, x = pair
    expected = np.fft.fft2(x.numpy(), norm="ortho") * mask.numpy()
    np.testing.assert_allclose(A(x).numpy(), expected, atol=1e-13)


def test_the_adjoint_in_the_real_inner_product(pair):
    A, _, x = pair
    y = complex_rand(*x.shape, seed=8)
    left = (A(x).conj() * y).sum().real
    right = (x * A.adjoint(y)).sum()
    torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)
    assert A.adjoint(y).dtype == torch.float64


def test_the_exact_solve_against_a_dense_matrix(pair):
    A, _, x = pair
    rho = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
    found = A.solve(x, rho)
    for n in range(3):
        alone = FourierMask(A.mask[n : n + 1] if len(A.mask) == 3 else A.mask)
        dense = as_matrix(alone, tuple(x.shape[1:])).numpy()
        normal = (dense.conj().T @ dense).real + rho[n].item() * np.eye(dense.shape[1])
        np.testing.assert_allclose(found[n].ravel(), np.linalg.solve(normal, x[n].numpy().ravel()), atol=1e-12)
    largest = max(np.linalg.norm(np.vstack([dense.real, dense.imag]), 2), 1e-9)
    assert alone.norm(x[-1:]) >= largest * (1 - 1e-6) or largest == 1e-9
    assert (torch.as_tensor(A.norm(x)) <= float(A.mask.max()) * (1 + 1e-5)).all()


def test_with_a_blur_before_it_the_solve_is_exact_too():
    A = FourierMask(MASKS["half seen"]) @ Blur(rand(3, 3, seed=9) / 4)
    x = rand(2, 1, 5, 6)
    assert A.has_solve and not (FourierMask(MASKS["half seen"]) @ Mask(torch.ones(5, 6))).has_solve
    dense = as_matrix(A, (1, 5, 6)).numpy()
    expected = np.linalg.solve((dense.conj().T @ dense).real + 0.2 * np.eye(30), x.numpy().reshape(2, 30).T).T
    np.testing.assert_allclose(A.solve(x, 0.2).reshape(2, 30), expected, atol=1e-12)


def test_gradients_are_the_adjoint_and_precision_stays():
    A, x = FourierMask(MASKS["half seen"]), rand(1, 1, 5, 6).requires_grad_()
    y = complex_rand(1, 1, 5, 6, seed=3)
    (gradient,) = torch.autograd.grad((A(x) - y).abs().square().sum() / 2, x)
    torch.testing.assert_close(gradient, A.adjoint(A(x) - y).detach())
    single = A(x.detach().float())
    assert single.dtype == torch.complex64 and A.adjoint(single).dtype == A.solve(x.float(), 1.0).dtype == torch.float32


@pytest.mark.parametrize("call", [lambda A: A(rand(1, 1, 4, 4)), lambda A: A.adjoint(complex_rand(1, 1, 4, 4))])
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(ValueError, match=r"Fourier mask of shape \(1, 1, 5, 6\) does not fit"):
        call(FourierMask(MASKS["half seen"]))
    with pytest.raises(ValueError, match="finite weights of at least 0"):
        FourierMask(-rand(3, 3))
    with pytest.raises(ValueError, match="mask must be a tensor"):
        FourierMask(complex_rand(3, 3))
