"""The benchmark runner on a row that costs nothing, and the form of the real benchmarks."""

import json
from importlib import import_module

import pytest


@pytest.fixture
def run():
    return import_module("benchmarks.run")


ROW = {"name": "adding", "ours_s": 1.0, "peer": "by hand", "peer_s": 2.0, "ratio": 2.0, "goal": "2 times as fast"}
BARE = {"name": "waiting", "ours_s": 0.05, "peer": "", "peer_s": None, "ratio": None, "goal": "100 ms"}


def test_rows_are_shown_and_written(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "bench_stub.py").write_text(
        f"def run():\n    return [{ROW | {'met': True, 'note': ''}}, {BARE | {'met': False, 'note': 'slow'}}]\n"
    )
    monkeypatch.setattr(run, "HERE", tmp_path)
    assert run.main(["--results", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "adding" in shown and "yes" in shown and "waiting" in shown and "no" in shown
    (file,) = (tmp_path / "out").iterdir()
    written = json.loads(file.read_text())
    assert [row["name"] for row in written["rows"]] == ["adding", "waiting"]
    assert written["machine"]["threads"] == run.THREADS and written["machine"]["load"] >= 0


def test_a_word_that_matches_nothing_is_refused(run, capsys):
    assert run.main(["no-such-thing"]) == 2
    assert "there are:" in capsys.readouterr().err


def test_the_real_slider_benchmark_gives_rows_that_can_be_shown(run):
    (file,) = run.benchmarks(["slider"])
    rows = run.load(file).run(moves=3, size=32)
    assert run.table(rows).row_count == 1
    assert 0 < rows[0]["ours_s"] < 60
