"""What the builder makes of a source, and what it refuses; sources here are the small one with a text replaced."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from deeprestore_lab.teaching.exercises.rehearsal import make_key
from deeprestore_lab.teaching.exercises.source import SourceError, read_source
from small_exercises import CHECK, SETUP, SOLUTION, VALUE_CHECK, VALUE_SOLUTION, cells, write_source


def key_of(folder, **texts):
    path = write_source(folder, cells(**texts))
    return make_key(read_source(path), folder=path.parent)


def test_expected_outputs_are_those_of_the_formula(tmp_path):
    key = key_of(tmp_path)
    assert list(key.tasks) == ["mean_square", "area"]
    task = key.tasks["mean_square"]
    for (x,), (expected,) in zip(task.cases, task.expected, strict=True):
        by_hand = [np.mean(np.square(image.numpy().astype(float))) for image in x]
        assert x.dtype == torch.float32 and np.allclose(expected, by_hand, rtol=1e-12)
    assert np.isclose(key.tasks["area"].expected[0][0], 12.566370614359172)
    assert [m.name for m in task.misconceptions][0] == "sums where it should average"
    assert key.tasks["area"].cases == ((),) and not key.tasks["area"].is_function


def test_nothing_of_the_run_stays_behind(tmp_path, monkeypatch, capsys):
    import matplotlib

    monkeypatch.chdir(tmp_path)
    before = matplotlib.get_backend(), torch.get_num_threads()
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    wanted = torch.rand(1), np.random.rand(), random.random()
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    key_of(tmp_path, last="print('loud'); torch.rand(3)")
    assert (torch.rand(1), np.random.rand(), random.random()) == wanted
    assert (matplotlib.get_backend(), torch.get_num_threads()) == before
    assert str(tmp_path) == __import__("os").getcwd() and capsys.readouterr().out == ""


def test_what_the_author_defines_is_not_there_for_later_cells(tmp_path):
    with pytest.raises(SourceError, match=r"cell 10 does not run: NameError: name 'sums'"):
        key_of(tmp_path, last="sums(torch.ones(1, 1, 1, 1))")


def without(text, start, end="\n\n\n"):
    """A text less the piece that begins with `start`."""
    place = text.index(start)
    stop = text.find(end, place)
    return text[:place] + text[stop if stop >= 0 else len(text) :].lstrip("\n")


ROOT = '@author.misconception("takes a root'
SUMS = "    return x.square().sum((1, 2, 3))"
ONE_CASE = "author.cases(lambda: [(torch.rand(1, 3, 4, 5),)])"
CASES = "author.cases(lambda: [(torch.rand(2, 3, 4, 5),), (torch.rand(1, 1, 3, 2) - 0.5,)])"
HINTS = 'author.hints("Which dimensions?", "Try an image of one pixel.")\n'
INNER = "    return squares_of_all.mean((1, 2, 3))"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"check": without(CHECK, ROOT)}, "mean_square: at least 3 misconceptions.*got 2"),
        ({"check": CHECK.replace("takes a root at the end", "sums where it should average")}, "names of their own"),
        ({"check": CHECK.replace('hint="Double the contrast."', 'hint=" "')}, "needs a name and a hint"),
        ({"check": CHECK.replace(SUMS, "    return x.square().mean((1, 2, 3)) * 1.0005")}, "5.0e-04 from the solution"),
        ({"check": CHECK.replace(SUMS, "    return x.square().mean((1, 2, 3)).sqrt()")}, "are 0.0e[+]00 apart"),
        ({"check": CHECK.replace(SUMS, "    return x[9]")}, "the misconception 'sums.*raised IndexError"),
        ({"check": CHECK.replace(HINTS, "")}, "mean_square: at least one hint"),
        ({"check": CHECK.replace(CASES, ONE_CASE)}, "the mean everywhere would pass"),
        ({"check": CHECK.replace(CASES, "")}, "author.cases takes a function"),
        ({"check": CHECK.replace("[(torch.rand(2, 3, 4, 5),)", "[(len,)")}, "made of tensors.*builtin_function"),
        ({"check": CHECK.replace("torch.rand(2, 3, 4, 5)", "torch.rand(2, 3, 40, 50)")}, "use smaller cases"),
        ({"check": CHECK.replace('check.author("mean_square")', 'check.author("other")')}, "lacks the author's part"),
        ({"solution": SOLUTION.replace(INNER, "    return 0 * x.sum((1, 2, 3))")}, "zero everywhere would pass"),
        ({"solution": SOLUTION.replace("x * x", "x.mul_(x)")}, "the solution in float64: it changed its arguments"),
        ({"solution": SOLUTION.replace(INNER, "    return x.new_tensor([1.0]) @ torch.ones(1)")}, "float64: it raised"),
        (
            {"solution": SOLUTION.replace(INNER, "    return 1 + 1e-3 * torch.rand(len(x))")},
            "the solution in float32 fails its own check",
        ),
        ({"solution2": VALUE_SOLUTION.replace("area = None  # the area of a circle of radius 2\n", "")}, "area = None"),
        ({"check2": VALUE_CHECK.replace("author.hints", "author.cases(list)\nauthor.hints")}, "a value, which has no"),
        ({"setup": SETUP.replace('"small"', '"other"')}, r"must make Checks\('small'\), not 'other'"),
        ({"last": "%matplotlib inline"}, "cell 10 does not run: SyntaxError"),
    ],
)
def test_a_source_whose_checks_would_tell_too_little_is_refused(tmp_path, texts, words):
    (text,) = texts.values()
    assert text not in (CHECK, SOLUTION, VALUE_CHECK, VALUE_SOLUTION, SETUP)  # something was replaced
    with pytest.raises(SourceError, match=words):
        key_of(tmp_path, **texts)


def test_a_constant_of_the_mean_is_refused_for_each_case(tmp_path):
    """Two images whose answers are the same number: one constant would do."""
    flat = "author.cases(lambda: [(torch.ones(2, 3, 4, 5),), (torch.ones(1, 1, 3, 2),)])"
    with pytest.raises(SourceError, match="the mean everywhere would pass"):
        key_of(tmp_path, check=CHECK.replace(CASES, flat).replace(".sqrt()", " * 2"))


def test_the_author_may_allow_more(tmp_path):
    text = CHECK.replace("author.hints", "author.tolerance(1e-2)\nauthor.hints")
    assert key_of(tmp_path, check=text).tasks["mean_square"].tolerance == 1e-2
