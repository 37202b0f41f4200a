"""The benchmark of the linear inverse: its peers solve the same problem, and it says what is extrapolated."""

from __future__ import annotations

import re
from importlib import import_module

import pytest


@pytest.fixture(scope="module")
def rows():
    bench = import_module("benchmarks.bench_linear_inverse")
    return bench.run(side=12, outputs=(2,), largest=40, repeats=1)


def test_every_side_gives_the_same_answer(rows):
    for each in rows:
        assert float(re.search(r"answers (\S+) apart", each["note"])[1]) < 1e-3


def test_a_dense_solve_that_was_too_large_is_said_to_be_extrapolated(rows):
    assert "EXTRAPOLATED from 32 unknowns" in rows[0]["note"] and "72 unknowns" in rows[0]["note"]
    assert "EXTRAPOLATED" not in rows[1]["note"]
