"""What a layer sees: Jacobians by finite differences, null spaces of matrices, and the law of the chain."""

import pytest
import torch
from torch import nn

from deeprestore_lab.measures.seen_directions import jacobian_matrix, share_within, unseen

X = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def small():
    torch.manual_seed(0)
    first = nn.Conv2d(3, 6, 3, padding=1).double().requires_grad_(False)
    second = nn.Conv2d(6, 4, 3, stride=2, padding=1).double().requires_grad_(False)
    return (lambda x: first(x).relu()), (lambda x: second(first(x).relu()).relu())


def test_columns_are_finite_differences():
    _, deep = small()
    matrix = jacobian_matrix(deep, X)
    for place in (0, 17, 47):
        step = torch.zeros(48, dtype=torch.float64)
        step[place] = 1e-6
        difference = (deep(X + step.view_as(X)) - deep(X - step.view_as(X))).flatten() / 2e-6
        assert torch.allclose(matrix[:, place], difference, atol=1e-7)


def test_what_a_lower_layer_does_not_see_no_deeper_one_does():
    shallow, deep = small()
    low, high = (jacobian_matrix(phi, X) for phi in (shallow, deep))
    hidden = unseen(low, threshold=0.0)
    assert len(unseen(high, threshold=0.0)) >= len(hidden)
    assert float((high @ hidden.T).abs().max() if len(hidden) else 0.0) < 1e-10


def test_a_basis_spans_the_null_space_and_no_more():
    matrix = torch.randn(3, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    basis = unseen(matrix, threshold=0.0)
    assert basis.shape == (4, 7) and torch.allclose(basis @ basis.T, torch.eye(4, dtype=torch.float64))
    assert float((matrix @ basis.T).abs().max()) < 1e-12
    v = torch.randn(7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    left = v - torch.linalg.pinv(matrix) @ (matrix @ v)
    assert share_within(basis, v) == pytest.approx(float(left.square().sum() / v.square().sum()))


def test_what_does_not_fit_is_refused():
    for wrong in (
        lambda: jacobian_matrix(lambda x: x, torch.zeros(2, 1, 2, 2)),
        lambda: unseen(torch.zeros(3)),
        lambda: share_within(torch.eye(2), torch.zeros(2)),
        lambda: share_within(torch.eye(2), torch.ones(3)),
    ):
        with pytest.raises(ValueError, match="Jacobian|change"):
            wrong()
