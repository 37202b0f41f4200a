"""The benchmark of transport: what it estimates, its rows with a stand-in for POT, with POT and without."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from deeprestore_lab.measures.discrepancies import exact_wasserstein, sliced_wasserstein


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_discrepancies")


def emd2(a, b, costs):
    rows, columns = linear_sum_assignment(costs)
    return costs[rows, columns].mean()


@pytest.fixture
def stand_in():
    """POT's four functions with the same meaning, from SciPy; its entropic cost here is the exact one."""

    def sliced(a, b, *, projections, n_projections):
        assert projections.shape[1] == n_projections
        lines = [emd2([], [], cdist((a @ v)[:, None], (b @ v)[:, None], "sqeuclidean")) for v in projections.T]
        return np.sqrt(np.mean(lines))

    return SimpleNamespace(
        dist=lambda a, b: cdist(a, b, "sqeuclidean"),
        emd2=emd2,
        sinkhorn2=lambda a, b, costs, regularisation: emd2(a, b, costs),
        sliced_wasserstein_distance=sliced,
    )


def test_the_truth_is_what_both_sides_tend_to(bench):
    assert bench.sliced(*bench.draw(20_000, 0)) == pytest.approx(bench.TRUTH, rel=0.02)
    a, _ = bench.draw(50, 0)
    assert float(exact_wasserstein(a, a + bench.SHIFT)) == pytest.approx(bench.TRUTH, rel=1e-4)
    assert bench.sliced(a, a + bench.SHIFT) == pytest.approx(bench.TRUTH, rel=1e-4)


def test_each_peer_gets_a_row_with_no_larger_error_of_ours(bench, stand_in, monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", stand_in)
    monkeypatch.setattr(bench, "REPEATS", 1)
    rows = bench.run(count=24, draws=2, turns=1)
    assert [row["peer"].split(",")[0] for row in rows] == ["exact", "entropic", "entropic divergence"]
    for row in rows:
        own, theirs = (float(number) / 100 for number in re.findall(r"([\d.]+)%", row["note"]))
        assert own <= theirs and row["ratio"] == pytest.approx(row["peer_s"] / row["ours_s"])


def test_a_less_exact_peer_is_met_by_fewer_points(bench):
    loose, tight = bench.smallest(0.5, 10), bench.smallest(0.1, 10)
    assert loose[0] < tight[0] and loose[1] <= 0.5 and tight[1] <= 0.1
    assert bench.error(bench.sliced, tight[0] // 2, 10) > 0.1


def test_another_sliced_distance_stops_the_benchmark(bench, stand_in):
    bench.check_same_number(stand_in, count=20)
    right = stand_in.sliced_wasserstein_distance
    stand_in.sliced_wasserstein_distance = lambda a, b, **options: 1.01 * right(a, b, **options)
    with pytest.raises(AssertionError, match="the sliced distances differ"):
        bench.check_same_number(stand_in, count=20)


def test_without_pot_one_row_says_so(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)  # as if it were not installed
    (row,) = bench.run(count=30, turns=1)
    assert "POT is not installed" in row["note"] and row["peer_s"] is None and row["ours_s"] > 0
    assert row.keys() == {"name", "ours_s", "peer", "peer_s", "ratio", "goal", "met", "note"}


def test_with_pot_its_numbers_are_ours(bench):
    ot = pytest.importorskip("ot")
    bench.check_same_number(ot)
    a, b = (rows.double() for rows in bench.draw(40, 1))
    assert bench.peers(ot)["exact, ot.emd2"](a, b) == pytest.approx(float(exact_wasserstein(a, b)))
    uneven, directions = b[:25], torch.eye(10, dtype=torch.float64)
    lines = [ot.emd2_1d(a[:, j].numpy(), uneven[:, j].numpy()) for j in range(10)]
    assert float(sliced_wasserstein(a, uneven, directions=directions)) == pytest.approx(np.mean(lines))
