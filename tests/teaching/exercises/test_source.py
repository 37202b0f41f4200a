from __future__ import annotations

import pytest

from deeprestore_lab.teaching.exercises.source import SourceError, hidden, read_source, solution, starter, visible
from small_exercises import CHECK, INTRO, SOLUTION, TASK, cells, write_source


def refused(folder, made, words):
    with pytest.raises(SourceError, match=words):
        read_source(write_source(folder, made))


def test_tasks_are_found_with_their_titles_and_points(tmp_path):
    source = read_source(write_source(tmp_path))
    found = [(t.name, t.title, t.points, t.text_at, t.solution_at, t.check_at) for t in source.tasks]
    assert found == [("mean_square", "Mean of squares", 2, 2, 3, 4), ("area", "A circle", 2, 6, 7, 8)]
    assert source.name == "small"


def test_the_digest_is_of_the_solution_and_the_check_alone(tmp_path):
    def digests(folder, **texts):
        source = read_source(write_source(tmp_path / folder, cells(**texts)))
        return [source.digest(task) for task in source.tasks]

    plain = digests("a")
    assert len(set(plain)) == 2 and digests("b", intro="# Other words", use="x = 1") == plain
    assert digests("c", solution=SOLUTION + " ")[0] != plain[0] == digests("d", check2="c = 1\n" + NEW)[0]
    assert digests("e", check=CHECK + "\n")[0] != plain[0]


NEW = 'check("area", area)\n### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS'


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"task": "Write it."}, "mean_square: before its solution stands a text cell tagged `task`"),
        ({"solution": "def mean_square(x):\n    return x"}, "mean_square: no pair of lines ### BEGIN SOLUTION"),
        ({"solution": SOLUTION.replace("### END SOLUTION", "")}, "mean_square: no pair of lines ### BEGIN SOLUTION"),
        ({"solution": SOLUTION.replace("### END", "### BEGIN")}, "mean_square: the line '### BEGIN SOLUTION' stands"),
        ({"check": 'check("mean_square", mean_square)'}, "mean_square: no pair of lines ### BEGIN HIDDEN TESTS"),
        ({"check": CHECK.replace('check("mean_square", m', 'check("area", m')}, "mean_square: its check must show"),
        ({"use": "### BEGIN SOLUTION\n### END SOLUTION"}, "cell 6 has a solution or a hidden test but no nbgrader"),
    ],
)
def test_an_incomplete_source_is_refused(tmp_path, texts, words):
    refused(tmp_path, cells(**texts), words)


def test_the_cells_of_a_task_must_be_there_in_order(tmp_path):
    made = cells()
    refused(tmp_path / "a", [c for c in made if c.id != "check"], "mean_square: .* must be followed by one graded cell")
    refused(tmp_path / "b", made[:2] + [made[4], made[2], made[3], *made[5:]], "mean_square: .* followed by")
    refused(tmp_path / "c", [c for c in made if c.id != "task2"], "area: before its solution")
    refused(tmp_path / "d", [c for c in made if c.id != "solution"], "cell 4 is a check of no task .check_mean_square")
    refused(tmp_path / "e", made[:2], "one task or more")
    made[3].metadata["nbgrader"]["grade_id"] = "mean square"
    refused(tmp_path / "f", made, "cell 4: the name of a task is that of a Python variable, got 'mean square'")


def test_a_check_is_worth_points(tmp_path):
    made = cells()
    made[4].metadata["nbgrader"]["points"] = 0
    refused(tmp_path, made, "mean_square: its check must be worth points, got 0")


def test_an_old_notebook_is_refused(tmp_path):
    path = write_source(tmp_path)
    path.write_text(path.read_text().replace('"nbformat_minor": 5', '"nbformat_minor": 4'))
    with pytest.raises(SourceError, match="small.ipynb: its cells need ids"):
        read_source(path)


def test_the_parts_of_a_cell_add_up():
    assert "squares_of_all" not in starter(SOLUTION) and "def mean_square(x):" in starter(SOLUTION)
    kept = [line for line in SOLUTION.split("\n") if "###" not in line]
    assert solution(SOLUTION).split("\n") == kept
    assert visible(CHECK) == 'check("mean_square", mean_square)'
    assert set(CHECK.split("\n")) - set((visible(CHECK) + "\n" + hidden(CHECK)).split("\n")) == {
        "### BEGIN HIDDEN TESTS",
        "### END HIDDEN TESTS",
    }
    assert INTRO.startswith("# ") and TASK.startswith("## ")
