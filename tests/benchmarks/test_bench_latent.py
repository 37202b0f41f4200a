"""The benchmark of searches over codes: its two sides solve the same problem, its rows say what was measured."""

from importlib import import_module

import pytest
import torch

from deeprestore_lab.core.artifacts import ArtifactError


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_latent")


def test_the_plain_loop_takes_the_same_steps(bench):
    model, _ = bench.network(torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(0)))
    y = bench.half_seen()(torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1)))
    own, plain = bench.ours(model.double(), y.double(), 20), bench.plain(model, y.double(), 20)
    assert own.shape == (6, 3) and (own < bench.ours(model, y.double(), 0)).any()
    torch.testing.assert_close(own, plain, rtol=1e-6, atol=0)


def test_without_shipped_weights_the_note_says_so(bench, monkeypatch):
    def missing(kind, *, latent):
        raise ArtifactError("missing")

    monkeypatch.setattr(bench, "latent_autoencoder", missing)
    model, which = bench.network(torch.rand(20, 1, 28, 28))
    assert "RANDOM" in which and model.decode(torch.rand(2, 10)).shape == (2, 1, 28, 28)


def test_a_short_run_gives_rows_that_can_be_shown(bench):
    rows = bench.run(count=4, alone=2, steps=2, repeats=1)
    assert [row["peer"] for row in rows] == ["one by one", "plain torch, one batch"]
    assert all(row["ours_s"] > 0 and row["ratio"] == row["peer_s"] / row["ours_s"] for row in rows)
    assert all("differ by" in row["note"] for row in rows)
    assert import_module("benchmarks.run").table(rows).row_count == 2
