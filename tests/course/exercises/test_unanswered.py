from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from deeprestore_lab.course.exercises.unanswered import say_calmly

ANSWER = "def mean_square(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


@pytest.fixture
def shell(monkeypatch):
    running = InteractiveShell.instance()
    running.colors = "nocolor"
    say_calmly()
    yield running
    running.restore_sys_module_state()
    InteractiveShell.clear_instance()


def shown(shell, cell, capsys) -> str:
    """What a notebook shows of a cell that fails."""
    capsys.readouterr()
    assert not shell.run_cell(cell).success
    return capsys.readouterr().out.strip()


def test_an_answer_that_is_not_written_is_named_in_one_line(shell, capsys):
    shell.run_cell(ANSWER)
    found = shown(shell, "1 + mean_square(2)", capsys)
    assert found.startswith("`mean_square` is not written yet.") and "\n" not in found


def test_so_is_one_in_its_own_cell(shell, capsys):
    assert shown(shell, "raise NotImplementedError()", capsys) == "The answer in this cell is not written yet."


@pytest.mark.parametrize("cell", ["raise NotImplementedError('no such border')", "[][1]"])
def test_other_errors_keep_their_traceback(shell, capsys, cell):
    found = shown(shell, cell, capsys)
    assert "Traceback" in found and cell in found


def test_it_is_nothing_outside_of_a_notebook():
    assert not InteractiveShell.initialized() and say_calmly() is None
