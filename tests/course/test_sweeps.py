"""Sweeps: results kept one by one, taken up after a kill, failures named at the end, foreign files refused."""

from __future__ import annotations

import json
import os
import sys

import pytest

from deeprestore_lab.course import sweeps
from deeprestore_lab.course.sweeps import SweepError, sweep


@pytest.fixture
def here(monkeypatch):
    """Run points in this process, in their order, in place of a cluster; gives the list of points that were run."""
    done = []

    def finished(work, left, scheduler, workers, progress):
        for file, point in left.items():
            done.append(point)
            try:
                yield file, work(point)
            except Exception as error:
                yield file, error

    monkeypatch.setattr(sweeps, "_finished", finished)
    return done


def squares(point):
    return {"square": point["n"] ** 2}


POINTS = [{"n": n} for n in (3, 1, 2)]
SQUARES = [{"square": 9}, {"square": 1}, {"square": 4}]


def contents(folder):
    return [json.loads(path.read_text()) for path in folder.iterdir()]


def test_workers_of_the_local_cluster_are_other_processes_and_a_failing_point_stops_nobody(tmp_path):
    def work(point):  # defined in here, so that it travels to the workers by its code
        import os

        if point["n"] == 1:
            raise ArithmeticError("one is not wanted")
        return {"square": point["n"] ** 2, "process": os.getpid()}

    with pytest.raises(SweepError, match="1 of 3 points failed") as caught:
        sweep(work, POINTS, folder=tmp_path, workers=1, progress=False)
    assert caught.value.failures == [({"n": 1}, "ArithmeticError: one is not wanted")]
    results = [content["result"] for content in contents(tmp_path)]
    assert sorted(result["square"] for result in results) == [4, 9]
    assert os.getpid() not in {result["process"] for result in results}


def test_a_worker_that_dies_in_the_middle_costs_no_result(tmp_path):
    """One of two workers is killed at its second point; the other one, and its successor, make what was left."""

    def work(point):
        import os
        import signal
        import time
        from pathlib import Path

        mark = Path(point["mark"])
        time.sleep(0.1)
        if point["n"] == 2 and not mark.exists():
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return {"square": point["n"] ** 2, "process": os.getpid()}

    points = [{"n": n, "mark": str(tmp_path / "mark")} for n in range(6)]
    found = sweep(work, points, folder=tmp_path / "results", workers=2, progress=False)
    assert [result["square"] for result in found] == [0, 1, 4, 9, 16, 25]
    assert len(contents(tmp_path / "results")) == 6
    assert int((tmp_path / "mark").read_text()) != found[2]["process"]


def test_a_point_that_kills_each_worker_is_a_failure(tmp_path):
    import dask

    def work(point):
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)

    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):  # 3 unless set: a worker may die by chance
        with pytest.raises(SweepError, match="(?s)1 of 1 points failed.*KilledWorker"):
            sweep(work, [{"n": 2}], folder=tmp_path, workers=1, progress=False)
    assert contents(tmp_path) == []


def test_a_cluster_is_reached_by_its_address(tmp_path):
    from distributed import LocalCluster

    settings = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "processes": False}
    with LocalCluster(protocol="tcp://", host="127.0.0.1", **settings) as cluster:
        assert sweep(squares, POINTS, folder=tmp_path, scheduler=cluster.scheduler_address) == SQUARES


def test_results_come_in_the_order_of_the_points_and_are_not_made_again(tmp_path, here):
    assert sweep(squares, POINTS, folder=tmp_path) == SQUARES
    assert sweep(squares, POINTS[::-1], folder=tmp_path) == SQUARES[::-1]
    assert here == POINTS


def test_a_killed_sweep_goes_on_where_it_stopped(tmp_path, here):
    def killed(point):
        if len(here) == 3:
            raise KeyboardInterrupt
        return squares(point)

    with pytest.raises(KeyboardInterrupt):
        sweep(killed, POINTS, folder=tmp_path)
    assert len(contents(tmp_path)) == 2
    assert sweep(squares, POINTS, folder=tmp_path) == SQUARES
    assert here == [*POINTS, POINTS[2]]


def test_a_result_is_written_whole_or_not_at_all(tmp_path, here, monkeypatch):
    def broken(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeps.os, "replace", broken)
    with pytest.raises(KeyboardInterrupt):
        sweep(squares, POINTS, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_settings_start_anew_beside_the_old(tmp_path, here):
    sweep(squares, POINTS, folder=tmp_path, settings={"steps": 1})
    sweep(squares, POINTS, folder=tmp_path, settings={"steps": 2})
    assert here == 2 * POINTS and len(contents(tmp_path)) == 6


def test_a_point_is_the_same_in_whatever_order_it_is_written(tmp_path, here):
    sweep(lambda point: {}, [{"a": 1, "b": 2}], folder=tmp_path)
    sweep(lambda point: {}, [{"b": 2, "a": 1}], folder=tmp_path)
    assert len(here) == 1


def test_failed_points_are_tried_again_and_only_they(tmp_path, here):
    with pytest.raises(SweepError, match=r'(?s)2 of 3 points failed.*{"n": 1}: ZeroDivisionError.*{"n": 2}: Zero'):
        sweep(lambda point: {"square": point["n"] ** 2, "share": 1 // (point["n"] // 3)}, POINTS, folder=tmp_path)
    here.clear()
    assert [found["square"] for found in sweep(squares, POINTS, folder=tmp_path)] == [9, 1, 4]
    assert here == POINTS[1:]


@pytest.mark.parametrize("result", [{"x": float("nan")}, {"x": (1, 2)}, [1], {"x": object()}])
def test_a_result_that_json_would_change_is_a_failure(tmp_path, here, result):
    with pytest.raises(SweepError, match="the result must be a mapping that JSON"):
        sweep(lambda point: result, [{"n": 1}], folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("point", [{1: 2}, {"n": (1, 2)}, {"n": float("inf")}, 3])
def test_points_that_json_would_change_are_refused(tmp_path, here, point):
    with pytest.raises(ValueError, match="a point must be a mapping that JSON"):
        sweep(squares, [point], folder=tmp_path)


def test_points_that_are_alike_are_refused(tmp_path, here):
    with pytest.raises(ValueError, match='two points are alike: {"n": 3}'):
        sweep(squares, [*POINTS, {"n": 3}], folder=tmp_path)
    assert here == []


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"point": {"n": 3}}', "foreign"])
def test_files_that_are_not_what_their_name_says_are_refused_and_kept(tmp_path, here, damage):
    sweep(squares, POINTS, folder=tmp_path)
    file = next(path for path in tmp_path.iterdir() if '"n": 3' in path.read_text())
    other = next(path for path in tmp_path.iterdir() if '"n": 1' in path.read_text())
    damage = other.read_text() if damage == "foreign" else damage
    file.write_text(damage)
    with pytest.raises(ValueError, match=f'{file.name} is not the result of {{"n": 3}}: remove it'):
        sweep(squares, POINTS, folder=tmp_path)
    assert file.read_text() == damage
    file.unlink()
    assert sweep(squares, POINTS, folder=tmp_path) == SQUARES


def test_files_of_others_in_the_folder_are_left_alone(tmp_path, here):
    (tmp_path / "notes.json").write_text("mine")
    assert sweep(squares, POINTS, folder=tmp_path) == SQUARES
    assert (tmp_path / "notes.json").read_text() == "mine"


def test_a_number_of_workers_for_a_cluster_elsewhere_is_refused(tmp_path):
    with pytest.raises(ValueError, match="workers are those of the scheduler at tcp://there:1"):
        sweep(squares, POINTS, folder=tmp_path, scheduler="tcp://there:1", workers=2)


def test_the_extra_is_named_where_dask_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'deeprestore_lab\[scale\]'"):
        sweep(squares, POINTS, folder=tmp_path)
    assert sweep(squares, [], folder=tmp_path) == []
