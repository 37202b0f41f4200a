"""Operators as matrices, and back."""

import numpy as np
import pytest
import scipy.linalg
import torch

from deeprestore_lab.operators import Blur, Downsample, Gradient, Mask, MatrixOperator, Operator, as_matrix


def test_a_circular_blur_along_a_row_is_a_circulant_matrix():
    column = np.array([0.5, 0.3, 0.0, 0.0, 0.2])
    kernel = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64)
    np.testing.assert_allclose(as_matrix(Blur(kernel), (1, 1, 5)), scipy.linalg.circulant(column), atol=1e-15)


def test_a_mask_is_a_diagonal_matrix():
    weights = torch.rand(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(as_matrix(Mask(weights), (2, 3, 4)), weights.flatten().diag())


@pytest.mark.parametrize("operator", [Gradient(), Downsample(2), Blur(torch.rand(2, 3), border="zero")])
def test_the_matrix_does_what_the_operator_does(operator):
    x = torch.rand(3, 2, 4, 6, dtype=torch.float64)
    matrix, y = as_matrix(operator, (2, 4, 6)), operator(x)
    torch.testing.assert_close((x.flatten(1) @ matrix.mT).reshape(y.shape), y)
    back = MatrixOperator(matrix, (2, 4, 6), tuple(y.shape[1:]))
    torch.testing.assert_close(back(x), y)
    torch.testing.assert_close(back.adjoint(y), operator.adjoint(y))


def test_bad_input_is_refused():
    class Square(Operator):
        def apply(self, x):
            return x.square()

    with pytest.raises(ValueError, match="not a linear operator"):
        as_matrix(Square(), (1, 2, 2))
    with pytest.raises(ValueError, match="4225 values"):
        as_matrix(Gradient(), (1, 65, 65))
    with pytest.raises(ValueError, match="shape must be"):
        as_matrix(Gradient(), (4, 4))
    with pytest.raises(ValueError, match="does not take"):
        MatrixOperator(torch.rand(3, 4), (1, 2, 2), (4,))
    with pytest.raises(ValueError, match="float tensor"):
        MatrixOperator(torch.ones(4), (1, 2, 2), (4,))
    with pytest.raises(ValueError, match="not finite"):
        MatrixOperator(torch.full((4, 4), torch.inf), (1, 2, 2), (4,))
    with pytest.raises(ValueError, match="expected a batch of shape \\(N, 1, 2, 2\\)"):
        MatrixOperator(torch.rand(4, 4), (1, 2, 2), (4,))(torch.rand(1, 1, 3, 3))
