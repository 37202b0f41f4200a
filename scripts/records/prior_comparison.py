"""Which prior wins where: every method of `course.bench` on every task, at calibrated weight 1 and at its best weight.

Ten grey photographs that no prior was learnt from; one draw of the noise. The best weight (and level, for a denoiser)
has the highest mean PSNR over the ten, found with the truth: it bounds what tuning could give. Two methods without a
prior of this course stand beside them: EPLL by the package deepinv, on every task, and BM3D, which denoises.

Each method is a sweep: on this machine's cores (DEEPRESTORE_WORKERS says how many), or on the cluster whose scheduler
DEEPRESTORE_SCHEDULER names (`make records NAME=prior_comparison SCHEDULER=tcp://HOST:8786`; its workers start with
PYTHONPATH=.). The record is written whole after each of them, and a method whose settings are the record's keeps its
row: remove it to measure it again. Where a best weight lies at an edge of those tried, weights beyond are tried, too.
DEEPRESTORE_METHODS="a; b" names methods to run, all where it is not set. DEEPRESTORE_CLOCK=1 runs weight 1 of every
row once more, one point at a time: so all seconds are of one machine, which should have nothing else to do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import fmean

import torch

from deeprestore_lab.baselines import bm3d
from deeprestore_lab.core.artifacts import ArtifactError, load_picture, load_record, save_record
from deeprestore_lab.course.bench import PICTURES, RIVALS, TASKS, pictures
from deeprestore_lab.course.bench.compare import RECORD, judged, scores, slug
from deeprestore_lab.course.bench.foreign import DEEPINV
from deeprestore_lab.course.bench.tasks import SEED, SIZE
from deeprestore_lab.course.bench.untrained import SHARES, STEPS, averages
from deeprestore_lab.course.sweeps import sweep
from deeprestore_lab.images import photograph
from deeprestore_lab.measures.metrics import psnr
from scripts.making.recorded import strip
from scripts.making.resumable import CACHE, rounded

DENOISING = [name for name in TASKS if name.startswith("noise")]
SHOWN = "camera"
CHECKED = "Gaussian blur"  # the task on which five times the steps are tried
SETTINGS = {"pictures": list(PICTURES), "size": SIZE, "seed": SEED}
BY_NAME = {rival.name: rival for rival in (*RIVALS, DEEPINV)}
UNTRAINED = "deep image prior"
UNTRAINED_TASKS = ("noise 25", "half of the pixels", "4 times smaller")  # it takes a run for every photograph
METHODS = [*BY_NAME, "BM3D", UNTRAINED]
ROUNDS = 3  # how often weights beyond an edge are added


def points(method: str) -> list[dict]:
    """What is to be measured of a method, weight 1 of each task first."""
    if method == "BM3D":
        return [{"method": method, "task": task, "weight": 1.0, "level": None} for task in DENOISING]
    if method == UNTRAINED:
        places = range(len(PICTURES))
        return [{"method": method, "task": task, "picture": place} for task in UNTRAINED_TASKS for place in places]
    tried = {name: BY_NAME[method].settings(task.sigma) for name, task in TASKS.items()}
    own = [
        {"method": method, "task": task, "weight": weight, "level": level}
        for task, pairs in tried.items()
        for weight, level in pairs
    ]
    return sorted(own, key=lambda point: (point["weight"], point["level"]) != tried[point["task"]][0])


def part(point: dict) -> dict:
    """The scores of one method on one task at one setting; its seconds are those of one thread of the processor."""
    torch.set_num_threads(1)
    began = time.process_time()
    if point["method"] == "BM3D":
        found = judged(lambda problem: bm3d(problem.y, problem.sigma), point["task"])
    else:
        rival = BY_NAME[point["method"]]
        setting = [point["weight"]] + ([] if point["level"] is None else [point["level"]])
        more = {"steps": point["times"] * rival.steps} if "times" in point else {}
        found = judged(lambda problem: rival.restored(problem, *setting, **more), point["task"])
    return found | {"seconds": time.process_time() - began}


def untrained(point: dict) -> dict:
    """One run of the deep image prior on one photograph: its scores after each share of its steps, and its seconds."""
    torch.set_num_threads(1)
    x, place, began = pictures(), point["picture"], time.process_time()
    found = averages(TASKS[point["task"]].problem(x).alone(place))
    seconds = time.process_time() - began
    each = {str(share): scores(own, x[place : place + 1]) for share, own in zip(SHARES, found, strict=True)}
    return {"shares": each, "seconds": seconds}


def untrained_row(runs: list[tuple[dict, dict]]) -> dict[str, dict]:
    """The row of the deep image prior: weight 1 is all of its steps, another weight that share of them."""
    joined = []
    for task in dict.fromkeys(point["task"] for point, _ in runs):
        own = [result for point, result in runs if point["task"] == task]
        for share in sorted(SHARES, reverse=True):
            each = [result["shares"][str(share)] for result in own]
            numbers = {measure: [value for one in each for value in one[measure]] for measure in each[0]}
            seconds = share * sum(result["seconds"] for result in own)
            joined.append(({"task": task, "weight": share, "level": None}, numbers | {"seconds": seconds}))
    return row(UNTRAINED, joined)


def shown(point: dict) -> dict:
    """What a method makes of one photograph on every task at weight 1: bytes `(10, 96, 96)` and their PSNR."""
    torch.set_num_threads(1)
    x, method = photograph(SHOWN, size=SIZE, grey=True), BY_NAME[point["method"]]
    found = torch.cat([method.restored(task.problem(x), 1.0) for task in TASKS.values()]).clamp(0, 1)
    return {"psnr": psnr(found, x.expand_as(found)).tolist(), "bytes": (255 * found[:, 0]).round().int().tolist()}


def row(method: str, runs: list[tuple[dict, dict]]) -> dict[str, dict]:
    """The scores of a method at weight 1 and at its best, task by task."""
    found: dict[str, dict] = {"calibrated": {}, "best": {}}
    for task in dict.fromkeys(point["task"] for point, _ in runs):
        own = [(point, scores) for point, scores in runs if point["task"] == task]
        point, best = max(own, key=lambda run: fmean(run[1]["psnr"]))
        weights = [other["weight"] for other, _ in own]
        found["calibrated"][task] = own[0][1]
        found["best"][task] = best | {
            "weight": point["weight"],
            "level": point["level"],
            "at_an_edge": point["weight"] in (min(weights), max(weights)),
            "tried": len(own),
        }
    return found


def beyond(method: str, task: str, best: dict) -> list[dict]:
    """Points past the edge at which the best weight of a task lies, in the grid's own ratio, one for each level."""
    pairs = BY_NAME[method].settings(TASKS[task].sigma)
    weights = sorted({weight for weight, _ in pairs} | set(best.get("added", ())))
    if best["weight"] not in (weights[0], weights[-1]):
        return []
    edge, inner = weights[:2] if best["weight"] == weights[0] else weights[:-3:-1]
    levels = dict.fromkeys(level for _, level in pairs)
    return [{"method": method, "task": task, "weight": edge**2 / inner, "level": level} for level in levels]


def with_more(method: str, task: str, best: dict, runs: list[tuple[dict, dict]]) -> dict:
    """The best setting of a task after the runs of points that were added to those it was chosen from."""
    added = [*best.get("added", ()), *dict.fromkeys(point["weight"] for point, _ in runs)]
    tried, weights = best["tried"] + len(runs), {*BY_NAME[method].weights, *added}
    point, found = max(runs, key=lambda run: fmean(run[1]["psnr"]))
    if fmean(found["psnr"]) > fmean(best["psnr"]):
        best = found | {"weight": point["weight"], "level": point["level"]}
    at_an_edge = best["weight"] in (min(weights), max(weights))
    return best | {"at_an_edge": at_an_edge, "tried": tried, "added": added}


def widen(method: str, found: dict[str, dict]) -> None:
    """Try weights beyond the edges of a row's best ones, and write what they give into it."""
    best = found["best"]
    for _ in range(ROUNDS if method in BY_NAME and len(BY_NAME[method].weights) > 1 else 0):
        todo = [point for task, own in best.items() for point in beyond(method, task, own)]
        runs = list(zip(todo, swept(part, todo, steps=steps_of(method)), strict=True))
        for task in dict.fromkeys(point["task"] for point in todo):
            best[task] = with_more(method, task, best[task], [run for run in runs if run[0]["task"] == task])


def clock(method: str, found: dict[str, dict]) -> None:
    """Measure the seconds of a row's weight 1 again, one point at a time, and say what else is other than before."""
    for point in points(method)[: len(found["calibrated"])]:
        own, new = found["calibrated"][point["task"]], part(point)
        off = max(abs(new - old) for new, old in zip(new["psnr"], own["psnr"], strict=True))
        print(f"{method}, {point['task']}: {own['seconds']:.1f} to {new['seconds']:.1f} s, PSNR within {off:.4f} dB")
        own["seconds"] = new["seconds"]


def known() -> dict[str, dict]:
    """The rows of the record whose settings are still those of today."""
    try:
        record = load_record(RECORD)
    except ArtifactError:
        return {}
    if any(record.get(key) != value for key, value in SETTINGS.items()):
        return {}
    return {name: own for name, own in record["methods"].items() if name in METHODS and made_so(record, name)}


def made_so(record: dict, name: str) -> bool:
    """Whether a row of the record was made with the settings that the method has now."""
    return record["tried"].get(name) == settings(name)


def settings(name: str) -> dict:
    """What the results of a method depend on besides the point."""
    weights = {UNTRAINED: SHARES, "BM3D": (1.0,)}[name] if name not in BY_NAME else BY_NAME[name].weights
    return {"weights": list(weights), "steps": steps_of(name)}


def steps_of(method: str) -> int | None:
    """How many steps a method takes at most; BM3D takes none."""
    return {UNTRAINED: STEPS, "BM3D": None}[method] if method not in BY_NAME else BY_NAME[method].steps


def swept(work: Callable[[dict], dict], todo: list[dict], *, steps: int | None) -> list[dict]:
    """A sweep of `work`, kept beside the other sweeps of this record."""
    return sweep(
        work,
        todo,
        folder=CACHE / RECORD,
        settings=SETTINGS | ({} if steps is None else {"steps": steps}),
        scheduler=os.environ.get("DEEPRESTORE_SCHEDULER") or None,
        workers=int(os.environ.get("DEEPRESTORE_WORKERS", 0)) or None,
        progress=True,
    )


def longer(method: str) -> dict | None:
    """Weight 1 of one task with five times the steps; None for a method without steps."""
    if method not in BY_NAME or not BY_NAME[method].steps:
        return None
    first = next(point for point in points(method) if point["task"] == CHECKED)
    return first | {"times": 5}


def main() -> None:
    """Run what is missing and write the record after each method."""
    chosen = [name.strip() for name in os.environ.get("DEEPRESTORE_METHODS", "").split(";") if name.strip()]
    rows = known()
    had = load_record(RECORD) if rows else {}  # what it holds of a row was made with the settings of today, too
    made = {name: (own, _picture(name)) for name, own in had.get("shown", {}).items() if name in rows}
    longest = {name: db for name, db in had.get("five_times", {}).items() if name in rows}
    for method in chosen or METHODS:
        if method not in rows:
            todo, work = points(method), untrained if method == UNTRAINED else part
            runs = list(zip(todo, swept(work, todo, steps=steps_of(method)), strict=True))
            rows[method] = untrained_row(runs) if method == UNTRAINED else row(method, runs)
        widen(method, rows[method])
        write(rows, made, longest)
    for method in [name for name in rows if os.environ.get("DEEPRESTORE_CLOCK") and name != UNTRAINED]:
        clock(method, rows[method])
    for method in [name for name in rows if name in BY_NAME and name not in (METHODS[0], *made)]:
        (own,) = swept(shown, [{"method": method, "shown": SHOWN}], steps=steps_of(method))
        made[method] = own["psnr"], strip(grey(own["bytes"]))
    for method, point in ((name, longer(name)) for name in rows if name not in longest):
        if point is not None:
            (own,) = swept(part, [point], steps=steps_of(method))
            longest[method] = fmean(own["psnr"])
    write(rows, made, longest)


def _picture(method: str) -> bytes:
    return load_picture(RECORD, f"{slug(method)}.webp")


def write(rows: dict[str, dict], made: dict[str, tuple], five_times: dict[str, float]) -> None:
    """Write the record: these rows, in the order of the methods, the pictures of `shown`, PSNR at five times the steps.

    With five times the steps it is the mean on one task, `CHECKED`, at weight 1.
    """
    methods = {name: rows[name] for name in METHODS if name in rows}
    means = {
        name: fmean(fmean(run["psnr"]) for run in own["calibrated"].values())
        for name, own in methods.items()
        if len(own["calibrated"]) == len(TASKS)
    }
    used = {name: settings(name) for name in methods}
    save_record(
        RECORD,
        rounded(
            SETTINGS
            | {"tried": used, "methods": methods, "shown": {name: psnrs for name, (psnrs, _) in made.items()}}
            | {"checked": CHECKED, "five_times": five_times}
        ),
        command=f"make records NAME={RECORD}",
        data="photographs of scikit-image: " + ", ".join(PICTURES),
        licence="numbers only",
        seeds=[SEED],
        metric="mean PSNR over all tasks at weight 1: " + ", ".join(f"{name} {db:.2f}" for name, db in means.items()),
        pictures={f"{slug(name)}.webp": picture for name, (_, picture) in made.items()},
    )


def grey(rows: list) -> torch.Tensor:
    """Pictures for `strip`."""
    return torch.tensor(rows)[:, None].expand(-1, 3, -1, -1)


if __name__ == "__main__":
    main()
