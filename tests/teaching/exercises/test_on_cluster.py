"""A class on a Dask cluster: the table is that of one machine, though a worker dies, and what is missing is named."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from deeprestore_lab.teaching.exercises import class_run, on_cluster
from deeprestore_lab.teaching.exercises.apart import Done, Job
from deeprestore_lab.teaching.exercises.build import Course, build, write
from deeprestore_lab.teaching.exercises.class_comparison import compared
from deeprestore_lab.teaching.exercises.on_cluster import ClusterGone, digest_of_code, run_there, workers_of
from deeprestore_lab.teaching.exercises.pretended import pretend
from deeprestore_lab.teaching.exercises.source import GradingError
from deeprestore_lab.teaching.roster import read_roster
from small_exercises import write_source

dask = pytest.importorskip("dask", reason="Dask comes with the extra `scale`, which `make test` installs")
distributed = pytest.importorskip("distributed", reason="Dask comes with the extra `scale`, which `make test` installs")
pytest.importorskip("nbgrader", reason="nbgrader comes with the extra `tests`, which `make test` installs")

CONFIG = Path(__file__).parents[3] / "exercises" / "nbgrader_config.py"
EMPTY = Job('{"cells": []}', {}, 5.0, 4_000_000_000)


@contextmanager
def cluster(workers, *, processes):
    settings = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "processes": processes}
    with distributed.LocalCluster(protocol="tcp://", host="127.0.0.1", n_workers=workers, **settings) as made:
        yield made


def kill_the_first_that_works(scheduler, killed):
    """Kill a worker process a second after it was given something to do."""
    with distributed.Client(scheduler) as client:
        pids = client.run(os.getpid)
        while not (busy := [worker for worker, tasks in client.processing().items() if tasks]):
            time.sleep(0.1)
        time.sleep(1)
        killed.append(busy[0])
        os.kill(pids[busy[0]], signal.SIGKILL)


@pytest.mark.slow
def test_a_worker_dies_in_the_middle_and_the_table_is_the_truth(tmp_path):
    """Kernels as they are, on two worker processes, of which one is killed while its first notebook runs."""
    course = Course(tmp_path / "course")
    write_source(course.folder)
    shutil.copy(CONFIG, course.folder)
    write(build("small", course=course))
    pretend(tmp_path / "class", "small", course=course, students=4, seed=29)
    students, killed = read_roster(tmp_path / "class" / "students.csv"), []
    with cluster(2, processes=True) as made:
        killer = threading.Thread(target=kill_the_first_that_works, args=(made.scheduler_address, killed))
        killer.start()
        given = {"course": course, "students": students, "out": tmp_path / "out", "scheduler": made.scheduler_address}
        found = class_run.run(tmp_path / "class" / "came_back", "small", timeout=30, say=str, **given)
        killer.join(60)
    assert killed and found.ran == 3
    assert compared(tmp_path / "class" / "truth.csv", tmp_path / "out" / "marks.csv") == []


def test_a_job_comes_back_from_a_worker_and_each_machine_is_told_of(monkeypatch):
    seen = []
    monkeypatch.setattr(on_cluster, "run_job", lambda job: seen.append(job) or Done("ended", None, "it said nothing"))
    monkeypatch.setattr(on_cluster, "probe", lambda python, modules, folder: dict.fromkeys(modules, ""))
    monkeypatch.setattr(on_cluster, "why_not", lambda: "no bubblewrap")
    told = []
    with cluster(1, processes=False) as made:
        with workers_of(made.scheduler_address, tell=lambda *words: told.append(words)) as (by, slots):
            assert by(EMPTY) == Done("ended", None, "it said nothing") and slots == 1
    assert seen == [EMPTY] and set(told) == {(on_cluster.platform.node(), "no bubblewrap")}


def test_a_worker_s_own_error_is_that_notebook_s_and_a_lost_cluster_is_the_run_s(monkeypatch):
    started, go = threading.Event(), threading.Event()

    def ending(job):
        if job.beside:
            raise OSError("the disk is full")
        started.set()
        go.wait(30)

    monkeypatch.setattr(on_cluster, "run_job", ending)
    monkeypatch.setattr(on_cluster, "PATIENCE", 1.0)
    monkeypatch.setattr(on_cluster, "probe", lambda python, modules, folder: {})
    quick = dask.config.set({"distributed.comm.timeouts.connect": "2s"})  # to give up on the scheduler
    with quick, cluster(1, processes=False) as made, ThreadPoolExecutor(1) as pool:
        with workers_of(made.scheduler_address, tell=lambda *words: None) as (by, _):
            with pytest.raises(GradingError, match="its worker failed: OSError: the disk is full") as caught:
                by(Job(EMPTY.notebook, {"a": b""}, 5.0, 1))
            assert not isinstance(caught.value, ClusterGone)
            asked = pool.submit(by, EMPTY)
            assert started.wait(30)
            made.sync(made.scheduler.close)
            try:
                with pytest.raises(ClusterGone, match="is gone: give the same command again"):
                    asked.result(timeout=60)
                with pytest.raises(ClusterGone):
                    by(EMPTY)  # nobody to ask any more
            finally:
                go.set()


def test_no_scheduler_and_no_worker_are_named():
    with cluster(0, processes=False) as made:
        with pytest.raises(GradingError, match="has no worker: start `dask worker tcp://"):
            with workers_of(made.scheduler_address, tell=print):
                pass
    with pytest.raises(GradingError, match="no Dask scheduler answers at nowhere://x"):
        with workers_of("nowhere://x", tell=print):
            pass


def test_a_machine_that_cannot_grade_says_why(monkeypatch):
    with pytest.raises(GradingError, match="has another deeprestore_lab: give all machines the same commit"):
        run_there(EMPTY, "another")
    monkeypatch.setattr(on_cluster, "probe", lambda python, modules, folder: {name: ["gone"] for name in modules[1:]})
    job = Job('{"cells": [{"cell_type": "code", "source": "import mine, tables"}]}', {"mine.py": b""}, 5.0, 1)
    with pytest.raises(GradingError, match=r"cannot import tables, which the notebook does \(gone\)"):
        run_there(job, digest_of_code())
