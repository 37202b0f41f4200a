"""Neighbours against scikit-learn's brute force, in any chunks, where products would round; and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from deeprestore_lab.measures.discrepancies import nearest, neighbours, reverse_chamfer
from refusals import refused


def rows(count: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def brute(query: torch.Tensor, reference: torch.Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    return NearestNeighbors(algorithm="brute").fit(reference.double().numpy()).kneighbors(query.double().numpy(), k)


@pytest.mark.parametrize("chunk", [1, 50, 2**25])
def test_it_is_brute_force_whatever_the_chunk(chunk, monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    query, reference = rows(23, 6, 0), rows(40, 6, 1)
    distances, places = nearest(query, reference, k=4)
    expected, where = brute(query, reference, 4)
    assert np.array_equal(places, where)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)


def test_far_from_the_origin_products_would_round_and_differences_do_not():
    query, reference = 1e-3 * rows(30, 3, 2), 1e-3 * rows(200, 3, 3)
    query, reference = query + 50, torch.cat([reference + 50, 1000 * rows(3, 3, 4)])
    distances, places = nearest(query, reference, k=2)
    expected, where = brute(query, reference, 2)  # in float64
    product = query.square().sum(1)[:, None] + reference.square().sum(1) - 2 * query @ reference.T
    assert (product.argmin(1).numpy() != where[:, 0]).any()  # so the case is one
    np.testing.assert_allclose(distances, expected, rtol=1e-4)
    assert np.array_equal(places, where)


def test_no_row_finds_itself_when_it_is_left_out():
    reference = rows(30, 4, 5)
    expected, where = brute(reference, reference, 4)
    distances, places = nearest(reference, reference, k=3, leave_out_itself=True)
    assert np.array_equal(places, where[:, 1:])
    np.testing.assert_allclose(distances, expected[:, 1:], rtol=1e-5)
    assert sorted(nearest(reference, reference, k=29, leave_out_itself=True)[1][7].tolist()) == [
        place for place in range(30) if place != 7
    ]


def test_equal_rows_are_found_in_their_order():
    reference = torch.tensor([[1.0], [0.0], [1.0], [1.0]])
    assert nearest(torch.tensor([[1.0]]), reference, k=3)[1].tolist() == [[0, 2, 3]]
    many = torch.tensor([3.0, 1.0]).repeat(30)[:, None]
    assert nearest(torch.tensor([[1.0]]), many, k=4)[1].tolist() == [[1, 3, 5, 7]]
    assert nearest(many, many, k=2, leave_out_itself=True)[1][3].tolist() == [1, 5]


def test_distances_have_the_slope_of_finite_differences():
    query, reference = rows(5, 3, 6).double().requires_grad_(), rows(9, 3, 7).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda q, r: nearest(q, r, k=3)[0], (query, reference))
    assert torch.autograd.gradcheck(reverse_chamfer, (query, reference))
    same = rows(3, 2, 8).requires_grad_()
    reverse_chamfer(same, same.detach()).backward()
    assert torch.equal(same.grad, torch.zeros(3, 2))


def test_reverse_chamfer_does_not_miss_what_is_missing():
    reference = rows(50, 4, 9)
    collapsed = reference[:1].expand(20, -1)
    assert float(reverse_chamfer(collapsed, reference)) == 0
    assert float(reverse_chamfer(reference, collapsed)) == pytest.approx(
        float((reference - reference[0]).square().sum(1).mean()), rel=1e-5
    )


test_what_does_not_fit_is_named = refused(
    (lambda: nearest(rows(3, 4, 0), rows(5, 6, 0)), "query and reference"),
    (lambda: nearest(rows(3, 4, 0), rows(5, 4, 0), k=6), "6 neighbours"),
    (lambda: nearest(rows(5, 4, 0), rows(5, 4, 0), k=5, leave_out_itself=True), "5 neighbours"),
    (lambda: nearest(rows(3, 4, 0), rows(5, 4, 0), leave_out_itself=True), "query must be the reference"),
    (lambda: nearest(rows(3, 4, 0), rows(5, 4, 0), k=0), "k must be"),
    (lambda: reverse_chamfer(rows(3, 4, 0), torch.zeros(0, 4)), "at least 1 rows"),
)
