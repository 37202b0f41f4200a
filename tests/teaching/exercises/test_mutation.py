"""Solutions changed by a program: what is changed, and which changes a check must see."""

from __future__ import annotations

import pytest

from deeprestore_lab.course.exercises.keys import SHIPPED, read_key
from deeprestore_lab.teaching.exercises.build import Course
from deeprestore_lab.teaching.exercises.mutants import mutants
from deeprestore_lab.teaching.exercises.mutation import judge
from deeprestore_lab.teaching.exercises.rehearsal import make_key
from deeprestore_lab.teaching.exercises.source import read_source
from small_exercises import CHECK, SOLUTION, cells, write_source

COURSE = Course(SHIPPED.parents[3] / "exercises")


def cell(body, *, head="def f(x, n):"):
    return f"{head}\n    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return x + 2.0", {"return x - 2.0", "return x + 4.0", "return x + 1.0", "return -(x + 2.0)"}),
        ("return x.sum(1)", {"return x.mean(1)", "return x.sum(2)", "return x.sum(0)", "return -x.sum(1)"}),
        ("return x.var(unbiased=False)", {"return x.std(unbiased=False)", "return x.var(unbiased=True)"}),
        ("return x.abs()", {"return x", "return -x.abs()"}),
        ("return torch.sqrt(x)", {"return x", "return -torch.sqrt(x)"}),
        ("return x @ n.T", {"return n.T @ x", "return x @ n", "return -(x @ n.T)"}),
        ("return x if n <= x else n", {"return x if n < x else n", "return x if n >= x else n"}),
        ("return f(x, n)", {"return f(n, x)", "return f(x)", "return -f(x, n)"}),
        ("return x**2 / n", {"return n / x ** 2", "return x / n", "return 2 ** x / n", "return x ** 2 * n"}),
    ],
)
def test_each_kind_of_change_is_made(body, expected):
    made = [mutant.now for mutant in mutants(cell(body))]
    assert expected <= set(made) and len(made) == len(set(made))


def test_only_the_solution_is_changed_and_each_version_once():
    text = "EXPONENT = 2\n\n\n" + cell("return x**EXPONENT + x**EXPONENT + 0", head="def f(x, n=3):")
    made = list(mutants(text))
    assert made and all("EXPONENT = 2" in m.text and "n=3" in m.text for m in made)
    assert len({m.text for m in made}) == len(made)


def test_a_check_that_sees_too_little_is_told(tmp_path):
    """One case of one pixel cannot tell a mean from a sum."""
    blind = CHECK.replace(
        "[(torch.rand(2, 3, 4, 5),), (torch.rand(1, 1, 3, 2) - 0.5,)]",
        "[(torch.rand(2, 3, 4, 5)[:, :, :1],), (torch.rand(1, 1, 1, 2) - 0.5,)]",
    )
    solution = SOLUTION.replace("squares_of_all.mean((1, 2, 3))", "squares_of_all.sum(2).mean((1, 2))")
    verdicts = []
    for name, check in (("seeing", CHECK), ("blind", blind)):
        path = write_source(tmp_path / name, cells(solution=solution, check=check))
        source = read_source(path)
        verdicts.append(judge(source, make_key(source, folder=path.parent), folder=path.parent)[0])
    seeing, too_little = ([mutant.now for mutant in verdict.passing] for verdict in verdicts)
    assert "return squares_of_all.mean(2).mean((1, 2))" not in seeing
    assert "return squares_of_all.mean(2).mean((1, 2))" in too_little
    assert verdicts[0].made == verdicts[1].made > 5


def test_a_change_that_never_ends_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("deeprestore_lab.teaching.exercises.mutation.SECONDS", 0.2)
    loop = SOLUTION.replace(
        "    squares_of_all = x", "    n = 3\n    while n > 0:\n        n -= 1\n    squares_of_all = x"
    )
    path = write_source(tmp_path, cells(solution=loop))
    source = read_source(path)
    verdict = judge(source, make_key(source, folder=path.parent), folder=path.parent)[0]
    assert verdict.made > 10 and all("n += 1" not in mutant.text for mutant in verdict.passing)


@pytest.mark.slow
@pytest.mark.parametrize("name", COURSE.names())
def test_the_checks_of_this_course_see_nearly_every_change(name):
    """What passes was looked at: the same function written otherwise, or equality where values are never equal."""
    source = read_source(COURSE.source(name))
    verdicts = judge(source, read_key(SHIPPED / f"{name}.json"), folder=COURSE.source(name).parent)
    made, passing = sum(v.made for v in verdicts), [m.now for v in verdicts for m in v.passing]
    assert len(passing) <= 0.12 * made, passing
