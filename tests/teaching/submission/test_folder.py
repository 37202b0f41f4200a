"""A folder of archives: one table, who is missing, what is the same, and a sheet that adds up to 100 points."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archives import NAME, README, Entry, a_pdf, archive, right
from deeprestore_lab.__main__ import app
from deeprestore_lab.teaching.submission import folder as folder_module
from deeprestore_lab.teaching.submission import inspection, parts
from deeprestore_lab.teaching.submission.folder import examine, missing
from deeprestore_lab.teaching.submission.marks_sheet import columns
from deeprestore_lab.teaching.submission.similarity import alike, given_lines, words_of

pytest.importorskip("rapidfuzz", reason="RapidFuzz comes with the extra `tests`, which `make test` installs")

EXERCISES = Path(__file__).parents[3] / "exercises"
TASK = (EXERCISES / "project_latent_prior" / "TASK.md").read_text()
CODE = "def loss(codes, points):\n    near = (codes[:, None] - points).abs().sum(2)\n    return near.mean() - 0.5\n"
OTHER = "import json\nfor line in open('a.txt'):\n    print(json.loads(line)['x'])\n"


def made(folder: Path, ids: tuple[str, str], code: str) -> Path:
    readme = README.replace(b"12345678", ids[0].encode()).replace(b"87654321", ids[1].encode())
    kept = [entry for entry in right() if entry.name not in (b"README.md", b"code/model.py")]
    path = folder / f"ex3_{ids[0]}_{ids[1]}.zip"
    path.write_bytes(archive([*kept, Entry(b"README.md", readme), Entry(b"code/model.py", code.encode())]))
    return path


@pytest.fixture
def came(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "_wrong_parts", parts.wrong_parts)
    monkeypatch.setattr(folder_module, "pages_of", lambda files: len(files["ex3.pdf"]) > 0 and 2)
    folder = tmp_path / "came"
    folder.mkdir()
    made(folder, ("aaaa1", "aaaa2"), CODE)
    made(folder, ("bbbb1", "bbbb2"), CODE.replace("codes", "u").replace("near", "d") + "# mine\n")
    made(folder, ("cccc1", "aaaa2"), OTHER)
    (folder / "ex3_dddd1_dddd2.zip").write_bytes(b"no zip")
    (folder / "again").mkdir()
    (folder / "again" / "ex3_aaaa1_aaaa2.zip").write_bytes((folder / "ex3_aaaa1_aaaa2.zip").read_bytes())
    return folder


def test_each_archive_has_its_row_with_what_is_the_same(came):
    again, first, copy, other, broken = examine(came)
    assert [each.state for each in (again, first, copy, other, broken)] == ["accepted"] * 4 + ["refused"]
    assert first.pages == 2 and broken.refusals[0].name == "no zip file"
    assert first.most_alike[0] == copy.most_alike[0] == 1.0  # renamed, and still the same program
    assert other.most_alike[0] < 0.6
    assert first.notes[0] == "the same file as again/ex3_aaaa1_aaaa2.zip"
    assert "aaaa2 is also in ex3_cccc1_aaaa2.zip" in first.notes
    assert missing([again, copy], {"AAAA1": "", "zzzz9": "Zoë"}) == ["zzzz9"]


def test_lines_that_were_handed_out_are_nobody_s(came, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    (given / "model.py").write_text(CODE)
    first = examine(came, given=given)[1]
    assert words_of(CODE, given=given_lines(given)) == [] and not set(first.words) & {"near", "abs"}


def test_alike_is_the_longest_common_order():
    assert (
        alike("abcd", "abxd") == 2 * 3 / 8 and alike("", "") == 0 and alike("ab", "ab") == 1 and alike("ab", "cd") == 0
    )
    assert words_of("x = 'a' + f(2)  # why") == ["n", "=", "s", "+", "n", "(", "0", ")"]
    assert words_of("x = (1") == ["n", "=", "(", "0"]  # cut short


def test_the_project_s_solution_is_unlike_what_was_handed_out():
    given = given_lines(EXERCISES / "project_latent_prior")
    solved = (EXERCISES / "solutions" / "project_latent_prior" / "uniform.py").read_text()
    assert 0 < len(words_of(solved, given=given)) < len(words_of(solved))


def test_the_sheet_s_columns_are_those_of_the_task():
    """Code and report of four steps and of the three parts of the fifth, and eight questions."""
    found = columns(TASK)
    assert sum(points for _, points in found) == 100 and len(found) == 2 * (4 + 3) + 8
    assert found[0] == ("1 Train the auto-encoder: code", 5.0) and found[14] == ("Q1 Gram matrices", 2.0)
    assert found[8:14:2] == [
        ("5 Restore, denoise: code", 3.5),
        ("5 Restore, inpaint: code", 4.5),
        ("5 Restore, compare: code", 4.5),
    ]
    assert [points for _, points in found[14:]] == [2, 2, 3, 3, 3, 3, 2, 2]


def test_parts_that_do_not_add_up_to_their_step_are_refused():
    with pytest.raises(ValueError, match=r"step 5 has 25 points, its parts have \[7, 9, 8\]"):
        columns(TASK.replace("*Compare (9 points).*", "*Compare (8 points).*"))


def test_the_command_writes_the_table_and_the_sheet(came, tmp_path):
    (tmp_path / "students.csv").write_text(
        "ID;Name\naaaa1;Ada\naaaa2;=Ben\nbbbb1;Cleo\nbbbb2;Dan\ncccc1;Eva\neeee1;Finn Li\n"
    )
    line = ["submission", "check", came, "--roster", tmp_path / "students.csv", "--sheet", tmp_path / "sheet.csv"]
    folders = [
        "--project",
        EXERCISES / "project_latent_prior",
        "--solution",
        EXERCISES / "solutions/project_latent_prior",
    ]
    answer = CliRunner().invoke(app, [str(each) for each in [*line, *folders]])
    assert answer.exit_code == 1 and "refused: 1" in answer.stderr, answer.output
    assert "unknown ID: 'dddd1'" in answer.stdout and "in no archive: eeee1 Finn Li" in answer.stdout
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["sum"] == "100" and len(rows) == 6
    assert rows[2]["state"] == "accepted" and rows[2]["students"] == "Ada, =Ben" and rows[2]["pages"] == "2"
    assert rows[2]["sum"] == "=SUM(H4:AC4)" and rows[2]["1 Train the auto-encoder: code"] == ""


def test_one_archive_says_its_pages(tmp_path):
    entries = [entry for entry in right() if entry.name != b"ex3.pdf"]
    (tmp_path / NAME).write_bytes(archive([*entries, Entry(b"ex3.pdf", a_pdf(7), method=0)]))
    answer = CliRunner().invoke(app, ["submission", "check", str(tmp_path / NAME)])
    assert (answer.exit_code, answer.stdout) == (0, "accepted, pages: 7\n")
