"""The benchmark of samplers runs, on few digits."""

from importlib import import_module

import pytest


@pytest.mark.slow
def test_its_rows_hold_both_sides():
    rows = import_module("benchmarks.bench_sampling").run(count=12, levels=3, steps=3, draws=2)
    assert [row["peer"] for row in rows][:2] == ["ancestral steps", "one by one"]
    assert all(row["ours_s"] > 0 and row["peer_s"] > 0 for row in rows)
