"""Tikhonov priors against dense linear algebra."""

import numpy as np
import pytest
import torch

from deeprestore_lab.priors.tikhonov import Tikhonov


def difference_matrix(n: int) -> np.ndarray:
    """Forward differences along n values, the last one zero, as a dense matrix."""
    matrix = np.zeros((n, n))
    for i in range(n - 1):
        matrix[i, i], matrix[i, i + 1] = -1, 1
    return matrix


def dense_operator(kind: str, h: int, w: int) -> np.ndarray:
    if kind == "identity":
        return np.eye(h * w)
    down, across = np.kron(difference_matrix(h), np.eye(w)), np.kron(np.eye(h), difference_matrix(w))
    return np.concatenate([down, across])


@pytest.fixture(params=["gradient", "identity"])
def kind(request) -> str:
    return request.param


def test_value_is_half_the_squared_norm(kind):
    x = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    dense = dense_operator(kind, 5, 7)
    centred = x - (0.3 if kind == "identity" else 0)
    expected = [0.5 * sum(np.sum((dense @ c.numpy().ravel()) ** 2) for c in image) for image in centred]
    np.testing.assert_allclose(Tikhonov(kind, mean=0.3)(x), expected, rtol=1e-12)


def test_prox_solves_the_normal_equations(kind):
    v = torch.rand(2, 1, 5, 7, dtype=torch.float64)
    steps = torch.tensor([0.4, 3.0], dtype=torch.float64)
    dense = dense_operator(kind, 5, 7)
    target = 0.3 if kind == "identity" else 0.0
    got = Tikhonov(kind, mean=0.3).prox(v, steps)
    for image, step, result in zip(v, steps, got, strict=True):
        matrix = np.eye(35) + float(step) * dense.T @ dense
        right = image.numpy().ravel() + float(step) * dense.T @ np.full(len(dense), target)
        np.testing.assert_allclose(result.numpy().ravel(), np.linalg.solve(matrix, right), atol=1e-12)


def test_the_gradient_prior_leaves_the_mean_free():
    prior, x = Tikhonov("gradient"), torch.rand(1, 1, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(prior(x), prior(x + 5))
    torch.testing.assert_close(prior.prox(x, 2.0).mean(), x.mean())


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'gradient', 'identity'"):
        Tikhonov("laplacian")


@pytest.mark.parametrize("mean", [float("nan"), float("inf"), "0.5", None, True])
def test_a_mean_that_is_no_finite_number_is_refused(mean):
    for kind in ("gradient", "identity"):
        with pytest.raises(ValueError, match="mean must be a finite number"):
            Tikhonov(kind, mean=mean)
