"""A random projection: lengths on average, the adjoint back in the image's shape, the exact solve."""

import numpy as np
import pytest
import torch

from deeprestore_lab.operators import RandomProjection, as_matrix
from refusals import refused

SHAPE = (2, 3, 4)
X = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_adjoint_gives_images_of_the_shape_it_was_told():
    A = RandomProjection(SHAPE, 7, seed=3)
    y = torch.rand(3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert A(X).shape == (3, 7) and A.adjoint(y).shape == X.shape
    torch.testing.assert_close((A(X) * y).sum(), (X * A.adjoint(y)).sum(), rtol=1e-12, atol=0)


def test_squared_lengths_keep_their_mean():
    """||A x||^2 / ||x||^2 is chi^2 with M degrees over M: the mean of 400 with M = 10 has a deviation of 0.022."""
    ratios = [RandomProjection(SHAPE, 10, seed=s)(X[:1]).square().sum() / X[:1].square().sum() for s in range(400)]
    assert abs(torch.stack(ratios).mean().item() - 1) < 0.09
    assert torch.stack(ratios).std().item() == pytest.approx(0.2**0.5, rel=0.2)


@pytest.mark.parametrize("measurements", [1, 7, 24, 40])
def test_the_exact_solve_against_a_dense_matrix(measurements):
    A, rho = RandomProjection(SHAPE, measurements), torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)
    dense, found = as_matrix(A, SHAPE).numpy(), A.solve(X, rho)
    for n in range(3):
        expected = np.linalg.solve(dense.T @ dense + rho[n].item() * np.eye(24), X[n].numpy().ravel())
        np.testing.assert_allclose(found[n].ravel(), expected, atol=1e-10)
    torch.testing.assert_close(A.solve(X[:1], 0.1), found[:1])
    assert A.norm(X) >= np.linalg.norm(dense, 2)


@pytest.mark.parametrize("measurements", [7, 24, 40])
def test_a_small_rho_in_float32_loses_no_digits(measurements):
    """b in the range of A*: what A does not see of it would be known to 1 / rho times the rounding of b alone."""
    A, rho = RandomProjection(SHAPE, measurements, seed=2), 1e-4
    b = A.adjoint(A(X.float()))
    dense = as_matrix(A, SHAPE).double().numpy()
    expected = np.linalg.solve(dense.T @ dense + rho * np.eye(24), b[0].double().numpy().ravel())
    found = A.solve(b, rho)[0].numpy().ravel()
    seen = dense @ (found - expected)
    assert A.solve(b, rho).dtype == torch.float32
    assert np.linalg.norm(seen) <= 1e-4 * np.linalg.norm(dense @ expected)


test_bad_arguments_are_named = refused(
    (lambda: RandomProjection((3, 4), 5), "shape must be that of an image"),
    (lambda: RandomProjection((1, 0, 4), 5), "size must be"),
    (lambda: RandomProjection(SHAPE, 0), "measurements must be"),
    (lambda: RandomProjection(SHAPE, 5, seed=-1), "seed must be"),
    (lambda: RandomProjection(SHAPE, 5)(X[:, :1]), "expected a batch of shape"),
    (lambda: RandomProjection(SHAPE, 5).adjoint(X.flatten(1)), "expected a batch of shape"),
)


def test_a_seed_draws_the_same_and_another_another():
    one, same, other = (RandomProjection(SHAPE, 5, seed=s).matrix for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
