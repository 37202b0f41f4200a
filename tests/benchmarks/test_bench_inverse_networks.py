"""The benchmark of inverse networks runs, on small pictures."""

from importlib import import_module


def test_its_rows_hold_both_sides():
    rows = import_module("benchmarks.bench_inverse_networks").run(steps=2, size=32, most=5)
    assert [row["peer"].split(",")[0] for row in rows] == ["plain loop", "plain loop", "L-BFGS from noise"]
    assert all(row["ours_s"] > 0 and row["peer_s"] > 0 for row in rows)
