"""The benchmark of feature statistics: both sides give the same covariance."""

from importlib import import_module


def test_both_sides_agree_and_a_row_says_so():
    (row,) = import_module("benchmarks.bench_feature_statistics").run(count=5)
    assert row["ratio"] == row["peer_s"] / row["ours_s"] and row["met"]
