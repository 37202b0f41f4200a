"""Sweeps: one function at many points, by Dask on this machine's cores or on a cluster, each result kept in a file."""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deeprestore_lab.core.checks import check_whole
from deeprestore_lab.core.writing import write_whole

Point = Mapping[str, object]


class SweepError(RuntimeError):
    """Some points failed; the results of the others are kept. `failures` has pairs of a point and what it said."""

    def __init__(self, failures: Sequence[tuple[Point, str]], count: int) -> None:
        self.failures = list(failures)
        lines = [f"{json.dumps(point)}: {message}" for point, message in self.failures]
        super().__init__("\n  ".join([f"{len(lines)} of {count} points failed, the others are kept:", *lines]))


def sweep(
    work: Callable[[Point], Mapping],
    points: Sequence[Point],
    *,
    folder: str | Path,
    settings: Mapping | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: bool | None = None,
) -> list[dict]:
    r"""work(point) of every point, in the points' order; what is in `folder` already is read and not made again.

    A point is a mapping that JSON can hold, and so is its result. Each finished result is written at once and whole, by
    this process, into a file named by a hash of its point and of `settings`: what results depend on besides the point,
    such as numbers of steps. So a sweep that was killed goes on where it stopped, other settings start anew beside the
    old, and nobody but this process needs the folder. A change of the code changes no hash: use another folder then.

    scheduler: None starts Dask's local cluster, `workers` processes (None: one a core) with one thread each; a script
        that does this needs `if __name__ == "__main__":`. An address, "tcp://HOST:8786", uses the cluster there, and
        `workers` must be None; its machines need this library, and whatever `work` imports, at the same versions.
    progress: a bar after two seconds (None), at once (True) or never (False).

    A point that fails is noted, and the others go on. Raises `SweepError` at the end with what each failed point said,
    a result that JSON cannot hold among them; `ValueError` for points that JSON would change, two alike, and a file
    in the folder that is not the result its name says; `ImportError` that names the extra where Dask is missing (not
    where nothing is left to do). Taught in chapter 13_generators.

    >>> import tempfile
    >>> sweep(lambda point: {"square": point["n"] ** 2}, [], folder=tempfile.mkdtemp())
    []
    """
    folder, settings = Path(folder), dict(settings or {})
    if workers is not None:
        check_whole(workers, name="workers", least=1)
        if scheduler is not None:
            raise ValueError(f"workers are those of the scheduler at {scheduler}; leave the number out")
    _same_in_json(settings, "settings")
    files = [folder / f"{_key(point, settings)}.json" for point in points]
    points_of: dict[Path, Point] = {}
    for file, point in zip(files, points, strict=True):
        if file in points_of:
            raise ValueError(f"two points are alike: {json.dumps(point)}")
        points_of[file] = point
    known = {file: _read(file, point, settings) for file, point in points_of.items() if file.exists()}
    left = {file: point for file, point in points_of.items() if file not in known}
    failures: list[tuple[Point, str]] = []
    if left:
        folder.mkdir(parents=True, exist_ok=True)
        for file, outcome in _finished(work, left, scheduler, workers, progress):
            try:
                if isinstance(outcome, BaseException):
                    raise outcome
                _same_in_json(outcome, "the result")
                content = {"point": dict(left[file]), "settings": settings, "result": dict(outcome)}
                write_whole(file, json.dumps(content, indent=1).encode())
                known[file] = dict(outcome)
            except Exception as error:
                failures.append((left[file], f"{type(error).__name__}: {error}"))
    if failures:
        raise SweepError(failures, len(points))
    return [known[file] for file in files]


def _finished(work, left: Mapping[Path, Point], scheduler: str | None, workers: int | None, progress: bool | None):
    """Pairs of a file and its point's result, or the exception it raised, as they come."""
    from tqdm.auto import tqdm

    with connected(scheduler, workers) as client:
        from distributed import as_completed

        futures = {client.submit(work, dict(point), pure=False): file for file, point in left.items()}
        hidden = progress is False or (progress is None and os.environ.get("DEEPRESTORE_BUILD") == "1")
        bar = tqdm(total=len(futures), desc="sweep", leave=False, disable=hidden, delay=0 if progress else 2)
        with bar:
            for future in as_completed(list(futures)):
                yield futures[future], (future.exception() if future.status != "finished" else future.result())
                bar.update()


@contextmanager
def connected(scheduler: str | None, workers: int | None):
    """Dask's client of the cluster at an address, or of one started here with so many processes (None: one a core).

    Raises `ImportError` that names the extra where Dask is missing, `OSError` where nothing answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ImportError("this needs Dask, which is an extra: pip install 'deeprestore_lab[scale]'") from error
    if scheduler is not None:
        with Client(scheduler) as client:
            yield client
        return
    settings = {"n_workers": workers or os.cpu_count(), "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(processes=True, silence_logs=logging.ERROR, **settings) as cluster, Client(cluster) as client:
        yield client


def _key(point: Point, settings: Mapping) -> str:
    _same_in_json(point, "a point")
    return hashlib.sha256(json.dumps([point, settings], sort_keys=True).encode()).hexdigest()[:24]


def _same_in_json(value: object, name: str) -> None:
    try:
        same = isinstance(value, Mapping) and json.loads(json.dumps(dict(value), allow_nan=False)) == value
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a mapping that JSON can hold ({error}), got {value!r}") from None
    if not same:
        raise ValueError(f"{name} must be a mapping that JSON gives back as it was, got {value!r}")


def _read(file: Path, point: Point, settings: Mapping) -> dict:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["point"] == point and content["settings"] == settings and isinstance(content["result"], dict):
            return content["result"]
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{file} is not the result of {json.dumps(point)}: remove it, and the point is made again")
