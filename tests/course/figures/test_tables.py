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
    assert rows == [["tiny", "99,395", "26.60"], ["paper", "2,217,831", "27.00"]]
    assert [row[0].tag for row in root.find(".//tbody")] == ["th", "th"]
    assert root.find("figcaption").text == "Grow."
    assert figure.text == "preset, weights, dB; tiny, 99,395, 26.60; paper, 2,217,831, 27.00"


def test_numbers_stand_to_the_right_and_short_cells_on_one_line():
    prose = "a sentence that has more words than one line of a table holds"
    rows = [
        ["a", "0.31 ± 0.02", "", "3 x 3", "one"],
        ["b", -1, "(2 to 3)", 9999, prose],
        [prose, "nan", "", 1.5, "4"],
        ["c", "exact", "", 2, "x"],
    ]
    root = ElementTree.fromstring(table(rows, columns=["name", "x", "y", "z", "words"], see="s").html)
    assert "white-space:nowrap" in root.find(".//table").get("style")
    for row in root.find(".//tbody"):
        assert [cell.get("class") for cell in row] == [None, "drl-n", "drl-n", "drl-n", None]
    assert [cell.get("class") for cell in root.find(".//thead/tr")] == [None, "drl-n", "drl-n", "drl-n", None]
    wrapped = [cell.text for cell in root.find(".//tbody").iter() if "normal" in cell.get("style", "")]
    assert wrapped == [prose, prose]
    assert root.find(".//tbody/tr[2]/td[3]").text == "9999"


def test_what_is_rounded_to_zero_has_no_sign():
    rows = [["a", -0.001, "+0.00 ± 0.01"], ["-0.0", -0.01, "-0.004 (-0.00 to +0.00)"], ["x-0.0", 0.0, "−0.0"]]
    root = ElementTree.fromstring(table(rows, columns=["name", "x", "y"], see="s").html)
    rows = [[cell.text for cell in row] for row in root.find(".//tbody")]
    assert rows == [
        ["a", "0.00", "0.00 ± 0.01"],
        ["0.0", "-0.01", "-0.004 (0.00\xa0to\xa00.00)"],
        ["x-0.0", "0.00", "0.0"],
    ]


def test_a_long_cell_of_numbers_breaks_before_a_bracket_and_after_a_comma():
    rows = [["a", "-0.78 (-1.03 to -0.58)", "0.01 %, 25.1 → 29.7 dB"]]
    root = ElementTree.fromstring(table(rows, columns=["x", "y", "z"], see="s").html)
    first, second = root.iter("td")
    assert first.text.split(" ") == ["-0.78", "(-1.03\xa0to\xa0-0.58)"]
    assert second.text.split(" ") == ["0.01\xa0%,", "25.1\xa0→\xa029.7\xa0dB"]
    assert "normal" in first.get("style") and "normal" in second.get("style")


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
    assert [cell.get("class") for cell in root.iter("th") if cell.get("scope") == "col"] == [
        "drl-ascending",
        "drl-n drl-ascending",
    ]
