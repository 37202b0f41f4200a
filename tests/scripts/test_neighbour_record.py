"""The record approximate_neighbours: what theory says of its numbers, whatever they are."""

from __future__ import annotations

from itertools import groupby

import pytest

from deeprestore_lab import artifacts

RECORD = artifacts.load_record("approximate_neighbours")


def recalls(effort):
    rows = [row for row in RECORD["recall"] if row["data"] == "normal" and row["effort"] == effort]
    return {row["dimensions"]: row["recall_1"] for row in rows}


def test_a_graph_finds_nearly_all_in_few_dimensions_and_few_in_many():
    found = recalls(16)
    assert found[2] > 0.95 and found[784] < 0.5
    assert all(found[low] > found[high] for low, high in [(5, 20), (20, 100), (100, 784)])


def test_distances_become_alike():
    contrast = {row["dimensions"]: row["contrast"] for row in RECORD["contrast"] if row["data"] == "normal"}
    values = [contrast[dimensions] for dimensions in sorted(contrast)]
    assert values == sorted(values, reverse=True) and values[0] > 20 and values[-1] < 1.3


def test_more_effort_and_more_candidates_find_no_less():
    for _, rows in groupby(RECORD["recall"], key=lambda row: (row["data"], row["dimensions"])):
        found = [row["recall_10"] for row in sorted(rows, key=lambda row: row["effort"])]
        assert found == sorted(found)
    for _, rows in groupby(RECORD["remedy"], key=lambda row: (row["data"], row["projection"], row["dimensions"])):
        found = [row["recall_10"] for row in sorted(rows, key=lambda row: row["candidates"])]
        assert found == sorted(found)


def test_the_remedy_mends_pixels_of_digits_and_cannot_mend_noise():
    best = {
        data: max(row["recall_1"] for row in RECORD["remedy"] if row["data"] == data) for data in ("MNIST", "normal")
    }
    assert best["MNIST"] > 0.99 and best["normal"] < 0.6


def test_exact_search_misses_nothing_and_every_way_is_there():
    ways = {row["search"]: row for row in RECORD["imle"]}
    assert set(ways) == {"exact", "graph", "thin graph", "PCA 40 without ranking", "re-ranked"}
    assert ways["exact"]["recall_1"] == pytest.approx(1.0)
    assert ways["re-ranked"]["recall_1"] > ways["PCA 40 without ranking"]["recall_1"]
