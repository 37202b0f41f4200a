"""What came back finds its student, in whatever shape it came; what is not clear is named and never guessed."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from deeprestore_lab.teaching.exercises.handed_in import named_cells
from deeprestore_lab.teaching.exercises.sorting import LARGEST, sort
from small_exercises import write_source

ROSTER = {"1001": "Ada Lovelace", "1002": "Ben Li", "1003": "Zoë Müller", "1004": ""}


@pytest.fixture
def notebook(tmp_path):
    """The bytes of the exercise's notebook, and the cells it is known by."""
    path = write_source(tmp_path / "course")
    return path.read_bytes(), named_cells(path)


@pytest.fixture
def came(tmp_path, notebook):
    """Lay files into the folder, and sort it."""
    folder = tmp_path / "came"

    def call(files: dict[str, bytes]):
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return sort(folder, name="small", ids=notebook[1], roster=ROSTER)

    return call


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "1002/small.ipynb",
        "1002/deeper/small (1).ipynb",
        "small-1002.ipynb.txt",
        "Ben Li_88_assignsubmission_file_/mine.ipynb",
        "liben_7_99_small-1.ipynb",
        "LI, Ben/small.ipynb.json",
    ],
)
def test_one_file_of_one_student(came, notebook, name):
    found = came({name: notebook[0], "1002.docx": b"no notebook", ".DS_Store": b"1"})
    assert found.notebooks == {"1002": notebook[0]} and found.places == {"1002": name}
    assert found.beside == ["1002.docx"] and not (found.refused or found.unsorted)


def test_zips_and_zips_in_zips(came, notebook):
    inner = zipped(
        {"answers/small.ipynb": notebook[0], "__MACOSX/answers/._small.ipynb": b"x", ".ipynb_checkpoints/a.ipynb": b"y"}
    )
    found = came({"all.zip": zipped({"Zoe Muller.zip": inner, "1001/small.ipynb": notebook[0]}), "1002.zip": inner})
    assert found.places == {
        "1001": "all.zip/1001/small.ipynb",
        "1002": "1002.zip/answers/small.ipynb",
        "1003": "all.zip/Zoe Muller.zip/answers/small.ipynb",
    }


def test_nobody_and_two_students_are_named(came, notebook):
    found = came({"small.ipynb": notebook[0], "1001 1002.ipynb": notebook[0], "12345/small.ipynb": notebook[0]})
    assert not found.notebooks and found.unsorted == {
        "small.ipynb": "no student of the roster is named in it",
        "12345/small.ipynb": "no student of the roster is named in it",
        "1001 1002.ipynb": "several students could be meant: 1001 (Ada Lovelace) and 1002 (Ben Li)",
    }


def test_two_notebooks_of_one_student_are_left_to_a_person_and_a_copy_is_not(came, notebook):
    other = notebook[0].replace(b"Two things to write", b"Two more things to write")
    found = came(
        {
            "1001/a.ipynb": notebook[0],
            "1001/a (1).ipynb": notebook[0],
            "1002/a.ipynb": notebook[0],
            "1002/b.ipynb": other,
        }
    )
    assert list(found.notebooks) == ["1001"]
    kind, why = found.refused["1002"]
    assert kind == "several" and "1002/a.ipynb, 1002/b.ipynb. Keep the one to grade" in why


@pytest.mark.parametrize("name", ["1001/small.ipynb", "1001.zip/small.ipynb"])
def test_a_damaged_file_is_its_student_s_and_named(came, notebook, name):
    data = notebook[0][: len(notebook[0]) // 2]
    files = {name: data} if ".zip" not in name else {"1001.zip": zipped({"small.ipynb": notebook[0]})[:-30]}
    kind, why = came(files).refused["1001"]
    assert kind == "damaged" and "Ask for it again" in why


def test_a_damaged_file_beside_a_right_one_is_no_mark_by_chance(came, notebook):
    found = came({"1001/small.ipynb": notebook[0], "1001/small (1).ipynb": notebook[0][:99]})
    assert not found.notebooks and "or keep the one to grade" in found.refused["1001"][1]


def test_another_exercise_is_said_to_be_one(came, notebook):
    text = json.loads(notebook[0])
    for cell in text["cells"]:
        if grader := cell["metadata"].get("nbgrader"):
            grader["grade_id"] += "_of_another"
    found = came({"1001.ipynb": json.dumps(text).encode()})
    assert found.refused["1001"] == ("other exercise", "1001.ipynb is of another exercise than small")


def test_a_zip_that_would_become_huge_is_read_no_further(came):
    found = came({"1004.zip": zipped({"small.ipynb": bytes(LARGEST + 5)})})
    assert found.refused["1004"][0] == "damaged"
