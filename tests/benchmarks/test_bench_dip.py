"""The benchmark of the deep image prior: its peers are what they are called, its rows say what was measured."""

import itertools
from importlib import import_module

import pytest
import torch
from deepinv.models import DeepImagePrior as TheirPrior
from deepinv.physics import Denoising

from deeprestore_lab.networks import Hourglass, preset


@pytest.fixture
def bench():
    return import_module("benchmarks.bench_dip")


def test_the_loop_is_deepinvs(bench):
    y = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    decoder = bench.Decoder("few", channels=8, layers=3, start=4, lr=0.01)
    torch.manual_seed(1)
    prior = TheirPrior(decoder.generator(16), (8, 4, 4), iterations=5, learning_rate=0.01)
    state = torch.get_rng_state()
    expected = prior(y, Denoising())
    torch.manual_seed(1)
    generator = decoder.generator(16)
    torch.set_rng_state(state)
    images = bench.deepinv_images(y, generator, torch.randn(1, 8, 4, 4), 0.01)
    torch.testing.assert_close(next(itertools.islice(images, 5, None)), expected.detach())


def test_the_plain_net_is_the_hourglass(bench):
    widths = preset("tiny")
    torch.manual_seed(0)
    ours, plain = Hourglass(32, 3, widths=widths), bench.PlainHourglass(widths)
    with torch.no_grad():
        for own, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
            theirs.copy_(own)  # both hold them in the same order
        z = torch.rand(1, 32, 64, 64)
        torch.testing.assert_close(ours(z), plain(z), rtol=0, atol=1e-5)


def test_peers_are_matched_as_they_say(bench):
    ours = Hourglass(32, 3, widths=preset(bench.OURS))
    (matched,) = [peer for peer in bench.PEERS if "as many" in peer.name]
    count = [sum(p.numel() for p in net.parameters()) for net in (ours, matched.generator(128))]
    assert count[1] == pytest.approx(count[0], rel=0.05)


def test_what_counts_is_the_best_so_far(bench):
    ours, theirs = [(0.0, 5.0), (1.0, 20.0), (2.0, 18.0)], [(0.5, 10.0), (1.5, 19.5), (2.0, 12.0)]
    assert bench.best_until(ours, 2.0) == 20.0 and bench.best_until(ours, 0.5) == 5.0
    assert bench.best_until(theirs, 0.1) == float("-inf")
    peer = bench.Decoder("peer", channels=8, layers=3, start=4, lr=0.01)
    single = [(0.0, 5.0), (1.0, 19.0), (2.0, 18.0)]
    row = bench.compare("a picture", 8, peer, ours, theirs, since=1.0, single=single)
    assert (row["ours_s"], row["peer_s"], row["ratio"]) == (1.0, 1.5, 1.5)
    assert not row["met"] and row["note"].startswith("+0.50 dB")  # 20 against 19.5 at the end
    assert "themselves are -0.50 dB above at least, at 2 s 19.00 dB" in row["note"]
    assert bench.compare("a picture", 8, peer, [(0.0, 30.0)] + ours, theirs, since=1.0, single=single)["met"]


def test_a_short_run_gives_rows_that_can_be_shown(bench, capsys):
    peers = (bench.Decoder("few", channels=8, layers=3, start=4, lr=0.01),)
    short = {"size": 32, "seconds": 0.2, "since": 0.1, "turns": 1, "net": "tiny"}
    rows = bench.run(**short, photographs=("chelsea",), peers=peers)
    assert "minutes" in capsys.readouterr().out
    assert [row["peer"] for row in rows] == ["plain torch", "few"]
    assert rows[0]["ours_s"] > 0 and rows[0]["peer_s"] > 0
    assert import_module("benchmarks.run").table(rows).row_count == 2
