"""Rosters as registries write them, and whom a path means: never a guess."""

from __future__ import annotations

import pytest

from deeprestore_lab.teaching.roster import RosterError, read_roster, students_in


def roster(tmp_path, text: str, encoding: str = "utf-8"):
    path = tmp_path / "students.csv"
    path.write_bytes(text.encode(encoding))
    return read_roster(path)


@pytest.mark.parametrize(
    "text",
    [
        "id,name\n123,Ada Lovelace\n456,Zoë Li\n",
        "\ufeffName;ID\r\nAda Lovelace;123\r\nZoë Li;456\r\n",
        "Student ID\tLast name\tFirst name\n123\tLovelace\tAda\n456\tLi\tZoë\n",
        '"id","name"\n"123","Ada Lovelace"\n\n"456","Zoë Li"\n',
        "123 Ada Lovelace\n456 Zoë Li\n",
        "123,Ada,Lovelace\n456,Zoë,Li\n",
    ],
)
def test_the_ways_a_roster_may_be_written(tmp_path, text):
    assert roster(tmp_path, text) == {"123": "Ada Lovelace", "456": "Zoë Li"}


def test_ids_alone_will_do(tmp_path):
    assert roster(tmp_path, "abcd\nefgh\n") == {"abcd": "", "efgh": ""}
    assert roster(tmp_path, "ID\nada@x.edu\n") == {"ada@x.edu": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Matrikel,Nachname\n123,Lovelace\n", "no column named `id`, but Matrikel, Nachname"),
        ("Ada Lovelace,ada\nBen Li,ben\n", "no column named `id`"),
        ("id,name\n123,Ada\n123,Ben\n", "the ID 123 stands there twice"),
        ("id,name\n1/2,Ada\n", "'1/2' is no ID"),
        ("id,name\n../x,Ada\n", "is no ID"),
        ("", "names no student"),
        ("id,name\n", "names no student"),
    ],
)
def test_another_file_is_refused_with_the_format(tmp_path, text, words):
    with pytest.raises(RosterError, match=words):
        roster(tmp_path, text)


def test_what_is_no_text_is_refused_with_the_mend(tmp_path):
    with pytest.raises(RosterError, match="save it as `CSV UTF-8`. A roster is a CSV file whose first line"):
        roster(tmp_path, "id,name\n123,Zoë\n", "latin-1")
    with pytest.raises(RosterError, match="No such file"):
        read_roster(tmp_path / "none.csv")


CLASS = {"1234": "Ada Lovelace", "5678": "Zoë Müller", "9999": "Ada Mary Lovelace", "77": "Li Wei", "ada.k@x.edu": ""}


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        ("1234/10_map.ipynb", ["1234"]),
        ("10_map-1234 (1).ipynb", ["1234"]),
        ("Zoe Muller_812_assignsubmission_file_/10_map.ipynb", ["5678"]),
        ("mullerzoe_812_99_10_map.ipynb", ["5678"]),
        ("Müller, Zoë.zip/a/10_map.ipynb", ["5678"]),
        ("ada.k@x.edu_10_map.ipynb", ["ada.k@x.edu"]),
        ("Ada Mary Lovelace/10_map.ipynb", ["9999"]),
        ("12345/10_map.ipynb", []),
        ("Zoe/Muller/10_map.ipynb", []),
        ("10_map.ipynb", []),
        ("1234_Zoe Muller.ipynb", ["1234", "5678"]),
        ("1234 5678.ipynb", ["1234", "5678"]),
        ("9999/Ada Lovelace.ipynb", ["9999", "1234"]),
    ],
)
def test_whom_a_path_means(path, whose):
    assert students_in(path, CLASS) == whose


def test_an_id_and_its_own_name_are_one_student():
    assert students_in("Ada Lovelace_1234.ipynb", CLASS) == ["1234"]
    assert students_in("wei li_3.ipynb", CLASS) == ["77"]
