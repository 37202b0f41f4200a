"""Comparisons on the course's tasks: what is measured, what a method may see, and which place it gets."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from typer.testing import CliRunner

from deeprestore_lab.__main__ import app
from deeprestore_lab.core.artifacts import load_record
from deeprestore_lab.course import bench
from deeprestore_lab.course.bench.compare import judged
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators import Mask


def nothing(problem):
    return problem.start


def test_the_photographs_are_those_that_nothing_shipped_was_learnt_from():
    from deeprestore_lab.images import TEXTURES, TRAINING_PHOTOGRAPHS

    learnt = {*TRAINING_PHOTOGRAPHS, *TEXTURES, "immunohistochemistry", "retina", "coffee"}
    assert len(set(bench.PICTURES)) == 10 and not learnt & set(bench.PICTURES)
    assert bench.pictures().shape == (10, 1, 96, 96)


@pytest.mark.parametrize("name", bench.TASKS)
def test_a_measurement_is_the_operators_with_noise_of_the_level_told(name):
    x, task = bench.pictures(), bench.task(name)
    problem, again, other = task.problem(x), task.problem(x), task.problem(x, seed=1)
    assert torch.equal(problem.y, again.y) and not torch.equal(problem.y, other.y)
    off = problem.y - problem.operator(x)
    if isinstance(problem.operator, Mask):
        off = off[problem.operator(torch.ones_like(x)) > 0]
    count = off.numel()
    assert abs(float(off.std()) / problem.sigma - 1) < 5 / math.sqrt(2 * count)
    assert problem.start.shape == x.shape == problem.shape and problem.start.isfinite().all()
    by_hand = (off.double() ** 2).sum() / (2 * problem.sigma**2)
    assert np.isclose(float(problem.data(x).double().sum()), float(by_hand), rtol=1e-4)


def test_what_a_mask_hides_is_not_in_the_measurement():
    x = bench.pictures()
    for name in ("text", "half of the pixels", "a hole"):
        problem = bench.task(name).problem(x)
        hidden = problem.operator(torch.ones_like(x)) == 0
        assert hidden.any() and (problem.y[hidden.expand_as(problem.y)] == 0).all()


def test_scores_are_those_of_scikit_image():
    own = judged(nothing, "noise 25")
    x, y = bench.pictures(), bench.task("noise 25").problem(bench.pictures()).y.clamp(0, 1)
    pairs = zip(x.numpy(), y.numpy(), strict=True)
    expected = [peak_signal_noise_ratio(a, b, data_range=1) for a, b in pairs]
    assert np.allclose(own["psnr"], expected, atol=1e-3) and own["seconds"] < 5


def test_a_method_is_ranked_among_those_of_the_record():
    record = load_record("prior_comparison")
    found = bench.compare(nothing, name="mine", tasks=["noise 25", "text"])
    means = {name: np.mean(own["calibrated"]["noise 25"]["psnr"]) for name, own in record["methods"].items()}
    better = sum(mean > np.mean(found.own["noise 25"]["psnr"]) + 1e-3 for mean in means.values())
    assert found.rank("noise 25") in (better + 1, better + 2)  # level with the record's "nothing done"
    assert np.isclose(dict(found.rows("noise 25"))["total variation"], means["total variation"])
    rows = found.rows("text", measure="distance")
    assert [value for _, value in rows] == sorted(value for _, value in rows)  # a smaller distance is better
    assert "rank" in repr(found) and found._repr_html_().count("<tr>") == 3


def test_a_method_that_knew_the_truth_would_be_first():
    found = bench.compare(lambda problem: bench.pictures(), tasks=["4 times smaller"])
    assert found.rank("4 times smaller") == found.rank("4 times smaller", measure="ssim") == 1


LONG = ("ridge regulariser", "network, plug-and-play", "network, RED")


@pytest.mark.parametrize(
    "rival",
    [pytest.param(rival, marks=[pytest.mark.slow] if rival.name in LONG else []) for rival in bench.RIVALS],
    ids=lambda rival: rival.name,
)
def test_the_record_is_what_its_methods_give(rival):
    """On the first two photographs: an image alone gives the same as in a batch."""
    x = bench.pictures()
    ten = bench.task("2 times smaller").problem(x)
    two = bench.Problem(ten.task, ten.y[:2], ten.operator, ten.sigma, (2, *ten.shape[1:]))
    own = psnr(rival.restored(two, 1.0).clamp(0, 1), x[:2])
    recorded = load_record("prior_comparison")["methods"][rival.name]["calibrated"]["2 times smaller"]
    assert np.allclose(own, recorded["psnr"][:2], atol=0.05)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (lambda problem: None, "must give a tensor"),
        (lambda problem: problem.y[:1], "must give a tensor"),
        (lambda problem: problem.start / 0, "not finite"),
    ],
)
def test_an_answer_that_is_none_is_refused(method, said):
    with pytest.raises(ValueError, match=f"noise 10: .*{said}"):
        bench.compare(method, tasks=["noise 10"])


@pytest.mark.parametrize(
    ("options", "said"),
    [({"tasks": ["fog"]}, "task must be"), ({"tasks": []}, "one task"), ({"name": "total variation"}, "another name")],
)
def test_requests_that_make_no_sense_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        bench.compare(nothing, **options)


def test_the_command_runs_a_function_of_a_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def half(problem):\n    return 0.5 + 0.5 * (problem.start - 0.5)\n")
    run = CliRunner().invoke(app, ["bench", f"{file}:half", "--task", "noise 50"])
    assert run.exit_code == 0 and "noise 50" in run.output and " of " in run.output
    for wrong, said in ((f"{file}:whole", "no function 'whole'"), ("mine.py:half", "is no file")):
        run = CliRunner().invoke(app, ["bench", wrong])
        assert run.exit_code == 1 and said in run.output


@pytest.mark.parametrize(
    ("method", "word"),
    [
        (3, "function"),
        (lambda problem: (255 * problem.y.clamp(0, 1)).byte(), "of floats"),
        (lambda problem: problem.y > 0.5, "of floats"),
        (lambda problem: problem.y + 0j, "of floats"),
        (lambda problem: 255 * problem.y.clamp(0, 1), "255"),
    ],
    ids=["a number", "bytes", "truth values", "complex numbers", "values up to 255"],
)
def test_an_answer_in_other_units_is_not_scored(method, word):
    with pytest.raises(ValueError, match=word):
        judged(method, "noise 10")


def test_a_comparison_names_the_tasks_and_measures_it_has():
    compared = bench.compare(nothing, tasks=["noise 10"])
    with pytest.raises(ValueError, match="noise 10"):
        compared.rank("text")
    with pytest.raises(ValueError, match="distance"):
        compared.rank("noise 10", measure="mse")
    with pytest.raises(ValueError, match="name"):
        bench.compare(nothing, name=3, tasks=["noise 10"])
    for tasks in (7, "noise 25"):
        with pytest.raises(ValueError, match=f"tasks must be a list of names.*got .*{tasks}"):
            bench.compare(nothing, tasks=tasks)
