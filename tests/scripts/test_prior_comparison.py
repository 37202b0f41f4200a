"""The maker of the comparison of priors: what is measured, what is kept, and how rows are made of it."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.course import bench
from deeprestore_lab.course.bench import untrained
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.parametrisations import DeepImagePrior
from deeprestore_lab.solve import minimise
from scripts.records import prior_comparison as comparison


def run(task: str, weight: float, level: float | None, psnr: float) -> tuple[dict, dict]:
    return {"task": task, "weight": weight, "level": level}, {"psnr": [psnr - 1, psnr + 1]}


def test_weight_one_of_every_task_is_measured_first_and_nothing_twice():
    for method in (*comparison.BY_NAME, "BM3D"):
        own = comparison.points(method)
        tasks = comparison.DENOISING if method == "BM3D" else list(bench.TASKS)
        assert [point["task"] for point in own[: len(tasks)]] == tasks
        assert all(point["weight"] == 1.0 for point in own[: len(tasks)])
        assert len({str(point) for point in own}) == len(own)


def test_a_row_has_the_first_setting_and_the_best_one():
    runs = [run("text", 1.0, 0.04, 30.0), run("text", 0.3, 0.04, 32.0), run("text", 3.0, 0.08, 31.0)]
    found = comparison.row("any", runs)
    assert found["calibrated"]["text"]["psnr"] == [29.0, 31.0]
    best = found["best"]["text"]
    assert (best["psnr"], best["weight"], best["level"]) == ([31.0, 33.0], 0.3, 0.04)
    assert best["at_an_edge"] and best["tried"] == 3
    inside = comparison.row("any", [run("text", weight, None, db) for weight, db in ((1.0, 30), (0.5, 31), (0.2, 29))])
    assert not inside["best"]["text"]["at_an_edge"]


def test_beyond_an_edge_the_grid_goes_on_in_its_ratio():
    method, low, high = "network, plug-and-play", 0.1, 3.0
    top = comparison.beyond(method, "text", {"weight": high})
    assert all(point["weight"] == pytest.approx(9.0) for point in top)
    assert [point["level"] for point in top] == [pytest.approx(10 / 255), pytest.approx(20 / 255)]
    (first, *_) = comparison.beyond(method, "text", {"weight": low})
    assert first["weight"] == pytest.approx(0.1**2 / 0.3)
    (next_one, *_) = comparison.beyond(method, "text", {"weight": 9.0, "added": [9.0]})
    assert next_one["weight"] == pytest.approx(27.0)
    assert comparison.beyond(method, "text", {"weight": high, "added": [9.0]}) == []
    assert comparison.beyond(method, "text", {"weight": 1.0}) == []


def test_an_added_weight_is_taken_where_it_is_better(monkeypatch):
    def gains(work, todo, *, steps):  # the best weight is 1/128, not in the grid of the ridge regulariser
        return [{"psnr": [30 - abs(point["weight"] - 1 / 128)], "seconds": 1.0} for point in todo]

    monkeypatch.setattr(comparison, "swept", gains)
    method = "ridge regulariser"
    todo = comparison.points(method)
    row = comparison.row(method, list(zip(todo, gains(None, todo, steps=1), strict=True)))
    assert all(best["at_an_edge"] and best["weight"] == 1 / 32 for best in row["best"].values())
    comparison.widen(method, row)
    for best in row["best"].values():
        assert (best["weight"], best["added"], best["tried"]) == (1 / 128, [1 / 128, 1 / 512], 7)
        assert not best["at_an_edge"] and best["psnr"] == [30.0]
    assert all(own["psnr"] == [30 - (1 - 1 / 128)] for own in row["calibrated"].values())


def test_shares_of_one_run_make_a_row_in_the_order_of_the_photographs():
    runs = [
        (
            {"task": task, "picture": place},
            {"shares": {str(share): {"psnr": 20 + place + share} for share in untrained.SHARES}, "seconds": 8.0},
        )
        for task in bench.TASKS
        for place in range(2)
    ]
    for _, result in runs:
        result["shares"] = {share: {"psnr": [one["psnr"]]} for share, one in result["shares"].items()}
    found = comparison.untrained_row(runs)
    assert found["calibrated"]["text"] == {"psnr": [21.0, 22.0], "seconds": 16.0}
    assert found["best"]["text"]["weight"] == 1.0


def test_the_average_of_a_search_is_that_of_the_trace():
    problem = bench.task("noise 25").problem(torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0)))
    found = untrained.averages(problem, (0.5, 1.0), steps=6)
    for steps, own in zip((3, 6), found, strict=True):
        trace = minimise(
            GaussianLikelihood(problem.operator, problem.y, sigma=problem.sigma),
            DeepImagePrior(problem.shape, preset=untrained.PRESET, seed=0),
            steps=steps,
            lr=untrained.LR,
            input_noise=untrained.INPUT_NOISE,
            average=untrained.BETA,
            seed=0,
            progress=False,
        )
        assert torch.allclose(own, trace.average, atol=1e-6)


@pytest.mark.parametrize("shares", [(), (0.0, 1.0), (1.0, 0.5), (0.5, 1.5)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="shares must rise"):
        untrained.averages(bench.task("noise 25").problem(torch.rand(1, 1, 40, 40)), shares, steps=6)


@pytest.mark.parametrize("name", ["noise 25", "half of the pixels", "2 times smaller"])
def test_a_picture_alone_has_the_measurement_that_it_has_in_the_batch(name):
    x = bench.pictures()
    ten = bench.task(name).problem(x)
    one = ten.alone(3)
    assert one.shape == (1, *ten.shape[1:]) and torch.equal(one.y, ten.y[3:4])
    assert torch.allclose(one.data(x[3:4]), ten.data(x)[3:4], rtol=1e-5)


def test_rows_of_other_settings_are_not_kept(monkeypatch):
    record = {**comparison.SETTINGS, "methods": {"Tikhonov": {}, "BM3D": {}, "gone": {}}}
    record["tried"] = {"Tikhonov": comparison.settings("Tikhonov"), "BM3D": {"weights": [2.0], "steps": None}}
    monkeypatch.setattr(comparison, "load_record", lambda name: record)
    assert list(comparison.known()) == ["Tikhonov"]
    record["seed"] = comparison.SEED + 1
    assert comparison.known() == {}
