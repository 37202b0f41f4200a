"""What a solved notebook shows: printed lines, then what its last line is, for cells that use the answers."""

from __future__ import annotations

import pytest

from deeprestore_lab.teaching.exercises.page import page_text
from deeprestore_lab.teaching.exercises.rehearsal import make_key
from deeprestore_lab.teaching.exercises.shown import plain_cells, solved_outputs
from deeprestore_lab.teaching.exercises.source import SourceError, read_source
from small_exercises import cells, write_source

DRAWS = """\
print("areas", area / torch.pi)
drl.figures.table([["all", float(mean_square(2 * torch.ones(1, 1, 2, 2)))]], columns=["what", "mean"], see="Four.")"""


def source_of(folder, last):
    path = write_source(folder, cells(last=last))
    return read_source(path), path.parent


def test_texts_and_figures_of_the_solved_notebook_are_found(tmp_path, capsys):
    source, folder = source_of(tmp_path, DRAWS)
    found = solved_outputs(source, folder=folder)
    last = source.cells[plain_cells(source)[-1]]["id"]
    text, figure = found.pop(last)
    assert text == {"text": "areas 4.0"}
    assert '<td class="drl-n">4.00</td>' in figure["html"] and "<figcaption>Four.</figcaption>" in figure["html"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("last", "shown"), [("x = 1", None), ("1 + 1", [{"text": "2"}]), ("None", None)])
def test_a_cell_shows_what_a_notebook_would(tmp_path, last, shown):
    source, folder = source_of(tmp_path, last)
    found = solved_outputs(source, folder=folder)
    assert found.get(source.cells[plain_cells(source)[-1]]["id"]) == shown


def test_a_cell_that_fails_is_named(tmp_path):
    source, folder = source_of(tmp_path, "1 / 0")
    with pytest.raises(SourceError, match="cell 10 does not run: ZeroDivisionError"):
        solved_outputs(source, folder=folder)


def test_a_page_asks_for_each_such_cell_in_its_place(tmp_path):
    source, folder = source_of(tmp_path, DRAWS)
    page = page_text(source, make_key(source, folder=folder), notebook="../small.ipynb", outputs=True)
    last = source.cells[plain_cells(source)[-1]]["id"]
    assert f"```{{solved}} small {last}\n```" in page
    assert page.count("{solved}") == len(plain_cells(source))
    assert page.index(f"small {last}") > page.index("## 2. A circle")
