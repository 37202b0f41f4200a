from __future__ import annotations

import numpy as np
import pytest
import torch

from deeprestore_lab.course.exercises import CheckFailed, Checks
from deeprestore_lab.teaching.exercises.build import Course, build, write
from small_exercises import write_source


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    write_source(folder)
    write(build("small", course=Course(folder)))
    return folder


@pytest.fixture
def check(course, monkeypatch):
    monkeypatch.chdir(course)
    return Checks("small")


def said(check, answer, task="mean_square"):
    with pytest.raises(CheckFailed) as caught:
        check(task, answer)
    text = str(caught.value)
    assert text.startswith(f"{task}: ")
    return text.removeprefix(f"{task}: ")


def right(x):
    return (x**2).flatten(1).mean(1)


def reversed_sum(x):
    total = torch.zeros(x.shape[0])
    for value in x.flatten(1).flip(1).unbind(1):
        total = total + value.float() ** 2
    return total / x[0].numel()


@pytest.mark.parametrize(
    "answer",
    [
        right,
        reversed_sum,
        lambda x: right(x.double()),
        lambda x: right(x).numpy(),
        lambda x: right(x.clone().requires_grad_()),
        lambda x: [float(value) for value in right(x)],
        lambda x: right(x) * (1 + 5e-5),
    ],
)
def test_right_in_many_forms(check, capsys, answer):
    assert check("mean_square", answer) is None
    assert capsys.readouterr().out == "right: mean_square\n"


@pytest.mark.parametrize("answer", [4 * np.pi, np.float32(4 * np.pi), torch.tensor(4 * torch.pi), np.array(4 * np.pi)])
def test_right_values(check, capsys, answer):
    check("area", answer)
    assert capsys.readouterr().out == "right: area\n"


def changes(x):
    x *= x
    return x.mean((1, 2, 3))


def unfinished(x):
    raise NotImplementedError()


def index_error(x):
    return x[17]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (unfinished, ["not written yet", "raise NotImplementedError()"]),
        (None, ["not written yet"]),
        (index_error, ["raised IndexError", "(2, 3, 4, 5)", "in line", "`return x[17]`"]),
        (lambda: 1, ["raised TypeError", "takes 0 positional arguments but 1 was given"]),
        (lambda x: None, ["returned None", "return"]),
        (lambda x: "text", ["type str"]),
        (lambda x: {"mean": 1}, ["type dict"]),
        (changes, ["changed its arguments in place"]),
        (lambda x: right(x) * torch.nan, ["not-a-number"]),
        (lambda x: right(x) / 0, ["infinity"]),
        (lambda x: right(x)[:, None], ["shape", "(2, 3, 4, 5)", "(2,)", "(2, 1)"]),
        (lambda x: (right(x), 1.0), ["one result should come back", "tuple of 2"]),
        (lambda x: (100 * right(x)).round().int(), ["floating point", "whole numbers"]),
        (lambda x: right(x) > 0.1, ["floating point", "true or false"]),
        (torch.ones(2), ["a function is wanted", "Tensor"]),
        (lambda x: x.square().sum((1, 2, 3)), ["your answer sums where it should average", "Double the image."]),
        (lambda x: right(x).sqrt(), ["your answer takes a root at the end", "Double the contrast."]),
        (lambda x: x.square().mean().item(), ["averages over the batch too", "Count your numbers."]),
        (lambda x: 0 * right(x), ["not right yet"]),
        (lambda x: right(x) * (1 + 3e-4), ["not right yet"]),
    ],
)
def test_what_is_wrong_is_said(check, answer, words):
    text = said(check, answer)
    assert all(word in text for word in words), text


def test_the_same_for_every_case(tmp_path, monkeypatch):
    from small_exercises import CHECK, cells

    text = CHECK.replace("torch.rand(1, 1, 3, 2) - 0.5", "torch.rand(2, 1, 3, 2) - 0.5")
    write_source(tmp_path, cells(check=text))
    write(build("small", course=Course(tmp_path)))
    monkeypatch.chdir(tmp_path)
    assert "same answer for every case" in said(Checks("small"), lambda x: torch.full((2,), 0.3))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "not written yet"),
        (lambda: 4 * np.pi, "Call it first"),
        (12.0, "not right yet. Draw the square around it."),
        (0.0, "not right yet"),
        (torch.pi * 16, "takes the diameter. Which length is 2?"),
        (torch.full((1,), 4 * torch.pi), "shape"),
        ("12", "type str"),
    ],
)
def test_what_is_wrong_with_a_value(check, answer, words):
    assert words in said(check, answer, task="area")


def test_hints_come_one_after_the_other_and_the_last_stays(check):
    texts = [said(check, lambda x: 3 * right(x)) for _ in range(4)]
    assert ["Which dimensions?" in text for text in texts] == [True, False, False, False]
    assert ["Try an image of one pixel." in text for text in texts] == [False, True, True, True]


def test_known_failures_use_no_hint_up(check):
    for answer in (unfinished, lambda x: None, lambda x: x.square().sum((1, 2, 3))):
        said(check, answer)
    assert "Which dimensions?" in said(check, lambda x: 3 * right(x))


def test_no_message_gives_the_answer_away(check):
    """Nothing that was expected is printed, in any of its first four digits."""
    given = []

    def spy(x):
        given.append(right(x))
        return 3 * right(x)

    texts = [said(check, spy) for _ in range(3)]
    values = [f"{value:.4g}" for parts in given for value in parts.tolist()]
    assert values and not any(value in text for value in values for text in texts)


def test_each_call_gets_copies_of_its_own(check, capsys):
    kept = []

    def keeps(x):
        kept.append(x)
        return right(x)

    check("mean_square", keeps)
    for x in kept:
        x.zero_()
    check("mean_square", right)
    assert capsys.readouterr().out.count("right") == 2


def test_an_unknown_task_lists_those_there_are(check):
    with pytest.raises(ValueError, match="'mean_square', 'area'"):
        check("mean_squares", right)


def test_the_author_says_nothing_in_a_notebook(check, capsys):
    author = check.author("mean_square")
    author.cases(lambda: 1 / 0)
    author.hints("look at the mean")

    @author.misconception("wrong", hint="none")
    def wrong(x):
        return 1 / 0

    assert capsys.readouterr().out == ""
    check("mean_square", right)
    assert capsys.readouterr().out == "right: mean_square\n"
    assert "look at the mean" not in said(check, lambda x: right(x) + 1)


def test_jupyter_shows_the_message_alone(check):
    from IPython.core.interactiveshell import InteractiveShell

    shell, shown = InteractiveShell(), []
    shell._showtraceback = lambda kind, value, lines: shown.append("\n".join(lines))
    shell.user_ns |= {"check": check, "wrong": lambda x: None}
    shell.run_cell('check("mean_square", wrong)')
    assert shown == ["mean_square: it returned None. Does its last line say `return`?"]
