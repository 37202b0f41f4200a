"""Neighbours against brute force; the graph's recall against dimension; and what re-ranking gives back."""

from __future__ import annotations

import importlib.util
import sys

import pytest
import torch

from deeprestore_lab.generators import (
    Neighbours,
    Reranked,
    neighbour_recall,
    principal_projection,
    random_projection,
    ranked,
)
from refusals import refused

needs_faiss = pytest.mark.skipif(
    importlib.util.find_spec("faiss") is None, reason="faiss, of the extra scale, is missing"
)


def points(count: int, dimensions: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed))


def brute(x: torch.Tensor, reference: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    distances = (x.double()[:, None] - reference.double()).norm(dim=2)
    return distances.topk(k, largest=False)


def test_exact_neighbours_are_those_of_brute_force():
    reference, x = points(300, 7), points(20, 7, seed=1)
    distances, places = Neighbours(reference).query(x, k=5)
    expected = brute(x, reference, 5)
    assert torch.equal(places, expected.indices)
    torch.testing.assert_close(distances.double(), expected.values, atol=1e-5, rtol=0)


@needs_faiss
def test_the_graph_finds_nearly_all_in_few_dimensions_and_its_distances_are_true():
    reference, x = points(2000, 3), points(100, 3, seed=1)
    distances, places = Neighbours(reference, method="graph").query(x, k=5)
    assert neighbour_recall(places, brute(x, reference, 5).indices) > 0.99
    torch.testing.assert_close(distances, (x[:, None] - reference[places]).norm(dim=2))
    assert bool((distances.diff(dim=1) >= 0).all())


@needs_faiss
def test_the_graph_loses_neighbours_as_the_dimension_grows_and_effort_finds_them_again():
    recall = {}
    for dimensions in (4, 128):
        reference, x = points(3000, dimensions), points(100, dimensions, seed=1)
        true = brute(x, reference, 5).indices
        for effort in (8, 1000):
            graph = Neighbours(reference, method="graph", links=4, effort=effort)
            recall[dimensions, effort] = neighbour_recall(graph.query(x, k=5)[1], true)
    assert recall[4, 8] > 0.8
    assert recall[128, 8] < recall[4, 8] - 0.3
    assert recall[128, 1000] > recall[128, 8] + 0.3


@needs_faiss
def test_the_graph_is_the_same_each_time():
    reference, x = points(1000, 32), points(50, 32, seed=1)
    first, second = (Neighbours(reference, method="graph", links=4, effort=8).query(x, k=3)[1] for _ in range(2))
    assert torch.equal(first, second)


@needs_faiss
def test_searching_in_the_subspace_and_ranking_exactly_mends_the_graph():
    """Data near a plane of 6 dimensions in 256: noise hides the neighbours from the graph, not from the projection."""
    basis = torch.linalg.qr(points(256, 6, seed=2)).Q
    reference = points(3000, 6) @ basis.T + 0.12 * points(3000, 256, seed=3)
    x = points(100, 6, seed=1) @ basis.T + 0.12 * points(100, 256, seed=4)
    true = brute(x, reference, 5).indices
    settings = {"method": "graph", "links": 4, "effort": 16}
    direct = neighbour_recall(Neighbours(reference, **settings).query(x, k=5)[1], true)
    small = principal_projection(reference, 6)
    mended = neighbour_recall(Reranked(reference, small, candidates=100, **settings).query(x, k=5)[1], true)
    assert mended > 0.97 and mended > direct + 0.1
    untouched = neighbour_recall(Neighbours(reference @ small).query(x @ small, k=5)[1], true)
    assert untouched < 0.6  # the exact comparison at the end earns its place


def test_reranking_all_of_them_is_exact_for_any_map():
    reference, x = points(60, 9), points(10, 9, seed=1)
    for small in (random_projection(9, 2), lambda rows: rows[:, :1].sin()):
        distances, places = Reranked(reference, small, candidates=60).query(x, k=4)
        expected = brute(x, reference, 4)
        assert torch.equal(places, expected.indices)
        torch.testing.assert_close(distances.double(), expected.values, atol=1e-5, rtol=0)


def test_a_place_that_was_not_found_comes_last():
    distances, places = ranked(torch.zeros(1, 2), points(5, 2), torch.tensor([[-1, 3, 0]]), k=3)
    assert places[0, 2] == -1 and distances[0, 2] == torch.inf and set(places[0, :2].tolist()) == {0, 3}
    assert neighbour_recall(places, torch.tensor([[0, 3, 4]])) == pytest.approx(2 / 3)


def test_the_principal_projection_keeps_the_most_variance():
    rows = points(500, 8) * torch.tensor([1.0, 5, 1, 1, 3, 1, 1, 1])
    projection = principal_projection(rows, 2)
    values = torch.linalg.svdvals(rows - rows.mean(0))
    torch.testing.assert_close(((rows - rows.mean(0)) @ projection).norm(dim=0), values[:2], rtol=1e-3, atol=0)
    torch.testing.assert_close(projection.T @ projection, torch.eye(2), atol=1e-5, rtol=0)


def test_a_random_projection_keeps_squared_lengths_with_the_stated_spread():
    ratios = torch.stack([(points(1, 200) @ random_projection(200, 32, seed=s)).norm() ** 2 for s in range(400)])
    ratios = ratios / points(1, 200).norm() ** 2
    assert float(ratios.mean()) == pytest.approx(1, abs=4 * 0.25 / 20)
    assert float(ratios.std()) == pytest.approx((2 / 32) ** 0.5, rel=0.15)


def test_without_faiss_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r"deeprestore_lab\[scale\]"):
        Neighbours(points(5, 2), method="graph")


test_what_does_not_fit_is_named = refused(
    (lambda: Neighbours(torch.zeros(3)), r"\(M, D\)"),
    (lambda: Neighbours(torch.zeros(0, 3)), "empty"),
    (lambda: Neighbours(points(3, 2), method="tree"), "method must be one of"),
    (lambda: Neighbours(points(3, 2)).query(points(1, 3)), r"\(N, 2\)"),
    (lambda: Neighbours(points(3, 2)).query(points(1, 2), k=4), "3 rows, 4 neighbours"),
    (lambda: Reranked(points(9, 2), torch.eye(2), candidates=3).query(points(1, 2), k=4), "from 3 candidates"),
    (lambda: principal_projection(points(3, 2), 3), "3 dimensions"),
    (lambda: neighbour_recall(torch.zeros(3), torch.zeros(3)), r"places must be \(N, k\)"),
)
