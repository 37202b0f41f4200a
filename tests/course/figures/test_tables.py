"""Tables: what stands in which cell, and that nothing in them is taken for markup."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from deeprestore_lab.course.figures import table


def test_cells_headings_and_caption_stand_where_they_belong():
    figure = table(
        [["tiny", 99395, 26.598], ["paper", 2217831, 27.0]], columns=["preset", "weights", "dB"], see="Grow."
    )
    root = ElementTree.fromstring(figure.html)
    assert [cell.text for cell in root.iter("th") if cell.get("scope") == "col"] == ["preset", "weights", "dB"]
    rows = [[cell.text for cell in row] for row in root.find(".//tbody")]
    assert rows == [["tiny", "99395", "26.60"], ["paper", "2217831", "27.00"]]
    assert [row[0].tag for row in root.find(".//tbody")] == ["th", "th"]
    assert root.find("figcaption").text == "Grow."
    assert figure.text == "preset, weights, dB; tiny, 99395, 26.60; paper, 2217831, 27.00"


def test_markup_in_cells_is_text():
    root = ElementTree.fromstring(table([["a < b", "<b>"]], columns=["x & y", "z"], see="s").html)
    assert [cell.text for cell in root.iter("td")] == ["<b>"]
    assert [cell.text for cell in root.iter("th")] == ["x & y", "z", "a < b"]


@pytest.mark.parametrize("rows", [[], [["one"]], ["ab"], [["a", "b"], ["a", "b", "c"]]])
def test_rows_that_do_not_fit_are_refused(rows):
    with pytest.raises(ValueError, match="row"):
        table(rows, columns=["first", "second"], see="s")


@pytest.mark.parametrize("blank", ["", " "])
def test_a_column_without_a_heading_is_refused(blank):
    with pytest.raises(ValueError, match="heading that can be read out"):
        table([["a", 1]], columns=[blank, "dB"], see="s")


def test_an_empty_first_cell_heads_nothing():
    root = ElementTree.fromstring(table([["a", 1], ["", 2]], columns=["what", "n"], see="s").html)
    assert [row[0].tag for row in root.find(".//tbody")] == ["th", "td"]


def test_a_table_that_can_be_sorted_says_so_and_which_end_is_better():
    plain = table([["a", 1]], columns=["what", "n"], see="s")
    sortable = table([["a", 1]], columns=["what", "n"], see="s", sortable=True, smaller_is_better=True)
    assert "drl-sortable" not in plain.html and "drl-ascending" not in plain.html
    root = ElementTree.fromstring(sortable.html)
    assert root.find(".//table").get("class") == "drl-table drl-sortable"
    assert [cell.get("class") for cell in root.iter("th") if cell.get("scope") == "col"] == ["drl-ascending"] * 2
