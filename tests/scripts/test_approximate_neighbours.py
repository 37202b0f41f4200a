"""The pieces that measure the record approximate_neighbours, on small sets of which theory knows the answer."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

pytest.importorskip("faiss", reason="faiss comes with the extra `scale`, which the tests have")


@pytest.fixture
def script(monkeypatch):
    module = import_module("scripts.records.approximate_neighbours")
    for name, value in {"ROWS": 600, "QUERIES": 60, "EFFORTS": (4, 600), "CANDIDATES": (10, 600)}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "PROJECTIONS", ("random 3", "PCA 3"))
    return module


def test_recall_and_time_are_against_the_exact_search(script):
    exact = (None, torch.tensor([[1, 2], [3, 4]]).repeat_interleave(5, 1), 2.0)
    found = (None, torch.tensor([[1, 9], [4, 3]]).repeat_interleave(5, 1), 0.5)
    got = script.against(exact, found)
    assert got["recall_1"] == 0.5 and got["relative_time"] == 0.25 and got["milliseconds"] == 500.0


def test_distances_become_alike_with_more_dimensions(script):
    """Of normal numbers the mean distance over the least goes to 1, as 1 / sqrt(D)."""
    contrast = [script.recalls(f"normal {dimensions}")[0]["contrast"] for dimensions in (2, 20, 500)]
    assert contrast == sorted(contrast, reverse=True) and contrast[0] > 10 and contrast[-1] < 1.3


def test_a_graph_that_looks_at_everything_misses_little_and_more_effort_finds_more(script):
    few, all_of_them = script.recalls("normal 50")[0]["rows"]
    assert few["recall_10"] < all_of_them["recall_10"] and all_of_them["recall_10"] > 0.98


def test_candidates_that_are_all_rows_make_the_remedy_exact(script):
    rows = script.remedies("normal 50")[0]["rows"]
    assert {row["projection"] for row in rows} == {"random", "PCA"}
    for row in rows:
        assert (row["recall_10"] == 1.0) == (row["candidates"] == 600)
