"""The benchmark of the convolution matrix: its loop makes torch's matrix, and a row says whether both agree."""

from importlib import import_module

import pytest
import torch
from torch_layers import as_module

from deeprestore_lab.signal.arithmetic import conv


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_arithmetic")


def test_the_loop_makes_the_matrix_of_torchs_layer(bench):
    layer = conv(2, 3, kernel=(2, 3), stride=(1, 2), padding=(1, 2), dilation=(2, 1), bias=False)
    module, units = as_module(layer), torch.eye(2 * 5 * 6, dtype=torch.float64).reshape(-1, 2, 5, 6)
    columns = module(units).flatten(1).detach()
    looped = bench.loop_matrix(layer, module.weight.detach(), (2, 5, 6)).to_dense().double()
    torch.testing.assert_close(looped.T, columns, atol=1e-6, rtol=0)


def test_a_row_tells_when_the_matrices_differ(bench, monkeypatch):
    monkeypatch.setitem(bench.CASES, "small", (conv(1, 2, kernel=2), (1, 6, 5)))
    row = bench.measure("small", repeats=1)
    assert "the same" in row["note"] and row["ratio"] == row["peer_s"] / row["ours_s"]
    monkeypatch.setattr(bench, "loop_matrix", lambda layer, weight, block: torch.zeros(40, 30).to_sparse())
    row = bench.measure("small", repeats=1)
    assert "DIFFERENT" in row["note"] and not row["met"]
