"""The benchmark of least squares: its matrix is A*A, its peers solve the same problem, a wrong peer is noticed."""

from importlib import import_module

import pytest
import torch

from deeprestore_lab.operators import as_matrix


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_frames")


def test_the_dense_matrix_is_the_operators(bench):
    A, _ = bench.problem(bench.BANKS["9 framelets"], 8)
    A.bank = torch.rand(3, 2, 3)  # without symmetry
    matrix = as_matrix(A, (1, 8, 8), dtype=torch.float64)
    torch.testing.assert_close(bench.normal_matrix(A, 8).double(), matrix.mT @ matrix, atol=1e-5, rtol=0)


def test_every_row_compares_equal_solutions(bench):
    rows = bench.run(size=24, dense=20, turns=1)
    assert [row["peer"] for row in rows] == ["conjugate gradients", "conjugate gradients", "dense solve"]
    assert all(float(row["note"].split()[3]) <= bench.ALIKE for row in rows)


def test_a_wrong_peer_does_not_count(bench):
    row = bench.compare("x", lambda: torch.zeros(2), "peer", lambda: torch.ones(2), 0.0, turns=1)
    assert not row["met"]
