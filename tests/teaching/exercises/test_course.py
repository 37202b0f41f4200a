"""Every exercise of the course: what is committed is what its source gives, and its checks say what they should."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
import torch

from deeprestore_lab.course.exercises import CheckFailed, Checks
from deeprestore_lab.course.exercises.arrays import fresh
from deeprestore_lab.course.exercises.compare import is_right
from deeprestore_lab.course.exercises.keys import find_key, read_key
from deeprestore_lab.course.exercises.running import parts_of, run
from deeprestore_lab.teaching.exercises.build import Course, build
from deeprestore_lab.teaching.exercises.rehearsal import perform
from deeprestore_lab.teaching.exercises.source import hidden, read_source, solution, starter, text_of, visible
from small_exercises import solved

COURSE = Course(Path(__file__).parents[3] / "exercises")
NAMES = COURSE.names()


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def tasks(name):
    """Each task's answer and its author, from one run of the source."""
    path, found = COURSE.source(name), {}
    perform(read_source(path), folder=path.parent, each=lambda task, *rest: found.update({task.name: rest}))
    return found


@pytest.fixture
def check(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Checks(name)


def message(check, task, answer):
    with pytest.raises(CheckFailed) as caught:
        check(task, answer)
    return str(caught.value)


def test_what_is_committed_is_what_the_source_gives(name):
    for path, text in build(name, course=COURSE).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is not that of its source: run `make exercises`"


def test_each_solution_is_right(check, tasks, capsys):
    for task, (answer, _) in tasks.items():
        check(task, answer)
        assert capsys.readouterr().out == f"right: {task}\n"


def backwards(argument):
    """The same numbers, laid out in memory the other way round, so that sums go in another order."""
    if not isinstance(argument, torch.Tensor):
        return argument
    order = tuple(reversed(range(argument.ndim)))
    return argument.permute(order).contiguous().permute(order)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lay_out", [fresh, backwards])
def test_each_solution_is_right_in_either_precision_and_any_order(name, tasks, dtype, lay_out):
    key = read_key(find_key(name))
    assert list(tasks) == list(key.tasks)
    for task, (answer, _) in tasks.items():
        known = key.tasks[task]
        cases = [tuple(lay_out(argument) for argument in case) for case in known.cases]
        answers = run(answer, cases, dtype=dtype) if known.is_function else [parts_of(answer)]
        assert is_right(answers, known.expected, tolerance=known.tolerance), (task, dtype)


def test_each_misconception_gets_its_own_hint(check, tasks):
    for task, (answer, author) in tasks.items():
        assert len(author.wrong) >= 3
        for wrong, hint, function in author.wrong:
            given = function if callable(answer) else function()
            assert message(check, task, given) == f"{task}: your answer {wrong}. {hint}"


def each_part(answer, change):
    """The answer with each tensor that it gives changed."""

    def changed(*arguments):
        result = answer(*arguments)
        parts = tuple(change(torch.as_tensor(p)) for p in (result if isinstance(result, tuple) else (result,)))
        return parts if isinstance(result, tuple) else parts[0]

    return changed


def test_guesses_are_not_right(check, tasks):
    for task, (answer, _) in tasks.items():
        if not callable(answer):
            assert message(check, task, 0.0)
            continue
        key = read_key(find_key(check.name)).task(task)
        mean = float(sum(abs(p).mean() for parts in key.expected for p in parts) / len(key.expected))
        for value in (0.0, mean):
            guess = each_part(answer, lambda part, v=value: torch.full_like(part, v))
            assert "it raised" not in message(check, task, guess)
        assert "not written yet" in message(check, task, None)
        assert "returned None" in message(check, task, lambda *a: None)
        assert "ZeroDivisionError" in message(check, task, lambda *a: 1 / 0)
        assert f"{task}: the shape" in message(check, task, each_part(answer, lambda part: part[None, None, None]))


def secret_lines(text, shown):
    """Lines of a cell that are not in the part that students see, but for those that say next to nothing."""
    seen = {line.strip() for line in shown.split("\n")}
    lines = {line.strip() for line in text.split("\n")} - seen
    return {line for line in lines if len(line) >= 10 and not line.startswith("### ")}


def test_the_student_notebook_has_nothing_of_solutions_and_misconceptions(name):
    source, student = read_source(COURSE.source(name)), json.loads(COURSE.student(name).read_text(encoding="utf-8"))
    for task in source.tasks:
        for place, of_all, of_student in ((task.solution_at, solution, starter), (task.check_at, hidden, visible)):
            text = text_of(source.cells[place])
            secrets = secret_lines(of_all(text), of_student(text))
            assert secrets, task.name
            found = text_of(student["cells"][place])
            assert not [line for line in secrets if line in found]
    text = json.dumps(student)
    key = read_key(find_key(name))
    hints = [hint for task in key.tasks.values() for hint in (*task.hints, *(m.hint for m in task.misconceptions))]
    assert not [word for word in ("### BEGIN", "misconception", "check.author", *hints) if word in text]


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all notebooks of this file: to start one and import torch takes longer than most of them run."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)


def executed(notebook, kernel, folder):
    """A notebook after it was run in a folder, errors and all, from an empty namespace."""
    from nbclient import NotebookClient

    anew = nbformat.v4.new_code_cell(f"%reset -f\nimport os\nos.chdir({str(folder)!r})\ndel os")
    notebook.cells.insert(0, anew)
    client = NotebookClient(notebook, km=kernel, timeout=120, startup_timeout=180, allow_errors=True)
    client.execute()
    client.kc.stop_channels()
    assert not errors(notebook.cells.pop(0))
    return notebook


def errors(cell):
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


def is_check(cell):
    return cell.metadata.get("nbgrader", {}).get("grade", False)


@pytest.mark.slow
def test_the_student_notebook_fails_only_where_it_should(name, kernel, tmp_path):
    notebook = executed(nbformat.read(COURSE.student(name), as_version=4), kernel, tmp_path)
    checks = [cell for cell in notebook.cells if is_check(cell)]
    assert len(checks) == len(read_source(COURSE.source(name)).tasks)
    for cell in checks:
        (error,) = errors(cell)
        assert error.ename == "CheckFailed" and "not written yet" in error.evalue
        assert len("".join(error.traceback).splitlines()) == 1
    values = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution") and errors(cell)]
    assert all(errors(cell)[0].ename == "NotImplementedError" for cell in values)
    allowed = [*checks, *values, *(c for c in notebook.cells if "uses-answer" in c.metadata.get("tags", []))]
    assert not [cell.source for cell in notebook.cells if errors(cell) and cell not in allowed]


@pytest.mark.slow
def test_the_solved_notebook_runs_to_its_end(name, kernel, tmp_path):
    notebook = executed(solved(COURSE.student(name), COURSE.source(name)), kernel, tmp_path)
    assert not [errors(cell)[0].evalue for cell in notebook.cells if errors(cell)]
    said = "".join(o.text for c in notebook.cells if is_check(c) for o in c.outputs if o.output_type == "stream")
    assert said.splitlines() == [f"right: {task.name}" for task in read_source(COURSE.source(name)).tasks]
