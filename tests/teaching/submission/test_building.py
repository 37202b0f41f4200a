"""From a folder to an archive that passes, whole or not at all, and the commands around it."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archives import IDS, NAME, README, Entry, a_pdf, archive, right
from deeprestore_lab.__main__ import app
from deeprestore_lab.teaching.submission import Limits, Refused, build, building, check, try_out

SKELETON = Path(__file__).parents[3] / "exercises" / "project_latent_prior"


@pytest.fixture
def folder(tmp_path):
    """What a pair of students has, with files that do not belong in the archive."""
    folder = tmp_path / "work"
    for entry in [
        *right(),
        Entry(b".git/config.py", b""),
        Entry(b"__pycache__/main.py", b""),
        Entry(b"notes.docx", b""),
    ]:
        path = folder / entry.name.decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.data)
    (folder / "link.py").symlink_to(folder / "main.py")
    return folder


@pytest.fixture
def command():
    def call(*arguments):
        return CliRunner().invoke(app, ["submission", *map(str, arguments)])

    return call


def test_what_is_built_passes_the_check(folder):
    built = build(IDS, folder=folder)
    assert built.path == folder / NAME and check(built.path) == []
    assert built.left_out == [".git/", "__pycache__/", "link.py", "notes.docx"]
    with zipfile.ZipFile(built.path) as theirs:
        assert theirs.testzip() is None
        assert theirs.namelist() == built.names == ["README.md", "code/model.py", "ex3.pdf", "main.py"]


def test_the_same_files_give_the_same_archive_also_beside_an_older_one(folder):
    first = build(IDS, folder=folder).path.read_bytes()
    assert build(IDS, folder=folder).path.read_bytes() == first


@pytest.mark.parametrize(("part", "text"), [("README.md", b"nobody"), ("main.py", b"def"), ("ex3.pdf", a_pdf()[:50])])
def test_an_archive_is_written_whole_or_not_at_all(folder, part, text):
    before = build(IDS, folder=folder).path.read_bytes()
    whole = (folder / part).read_bytes()
    for spoil in ((folder / part).unlink, lambda: (folder / part).write_bytes(text)):
        spoil()
        with pytest.raises(Refused, match=f"part: '{part}'"):
            build(IDS, folder=folder)
        assert (folder / NAME).read_bytes() == before and not list(folder.glob("*.part"))
        (folder / part).write_bytes(whole)


def test_a_disk_that_fails_leaves_what_was_there(folder, monkeypatch):
    def fail(*_):
        raise OSError("the disk is full")

    before = build(IDS, folder=folder).path.read_bytes()
    monkeypatch.setattr(building.os, "replace", fail)
    with pytest.raises(OSError, match="full"):
        build(IDS, folder=folder)
    assert (folder / NAME).read_bytes() == before and not list(folder.glob("*.part"))


def test_the_skeleton_becomes_an_archive(tmp_path, command):
    """As students would go: nothing filled in, then what main.py makes, then names, then the archive."""
    pytest.importorskip("typst")
    folder = tmp_path / "project"
    folder.mkdir()
    for path in SKELETON.iterdir():
        if path.suffix in (".md", ".typ", ".py"):
            (folder / path.name).write_bytes(path.read_bytes())
    line = ("build", "--ids", *IDS, "--folder", folder)
    answer = command(*line)
    assert answer.exit_code == 1 and "results.json" in answer.stderr and "No archive was written." in answer.stderr
    results = {"data": "MNIST", "latent": 10, "open": [], "measures": {}, "restoration": {}, "more": {}}
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "pictures").mkdir()
    shown = re.findall(r'image\("(pictures/\w+\.png)"', (folder / "report.typ").read_text())
    assert len(shown) == 9
    for name in shown:
        (folder / name).write_bytes(_picture())
    answer = command(*line)
    assert answer.exit_code == 1 and "missing part: 'README.md': the names are not filled in" in answer.stderr
    (folder / "README.md").write_bytes(README)
    answer = command(*line)
    assert answer.exit_code == 0, answer.stderr
    assert check(folder / NAME) == [] and re.search(r"^ex3.pdf: pages: [3-9]$", answer.stdout, re.MULTILINE)


def _picture() -> bytes:
    import io

    from PIL import Image

    data = io.BytesIO()
    Image.new("L", (16, 9)).save(data, "png")  # about as wide as those of main.py
    return data.getvalue()


def test_an_error_in_the_report_is_named(folder):
    pytest.importorskip("typst")
    (folder / "report.typ").write_text("#nobody")
    with pytest.raises(Refused, match="broken part: 'report.typ': unknown variable: nobody"):
        build(IDS, folder=folder)
    (folder / "report.typ").write_text('#read("../secret.md")')
    (folder.parent / "secret.md").write_text("not theirs")
    with pytest.raises(Refused, match="broken part: 'report.typ'"):
        build(IDS, folder=folder)


def test_check_says_yes_or_why_not(tmp_path, command):
    (tmp_path / NAME).write_bytes(archive(right()))
    answer = command("check", tmp_path / NAME)
    assert (answer.exit_code, answer.stdout) == (0, "accepted, pages: 2\n")
    (tmp_path / NAME).write_bytes(archive([*right(), Entry(b"../a.py", b"")]))
    answer = command("check", tmp_path / NAME)
    assert answer.exit_code == 1 and answer.stderr.startswith("climbing path: '../a.py'")
    assert command("check", tmp_path / "ex3_1.zip").exit_code == 1


def test_check_knows_the_students_of_a_course(tmp_path, command):
    (tmp_path / NAME).write_bytes(archive(right()))
    (tmp_path / "students.csv").write_text("ID,name\n12345678,Ada\n")
    answer = command("check", tmp_path / NAME, "--roster", tmp_path / "students.csv")
    assert answer.exit_code == 1 and "unknown ID: '87654321'" in answer.stderr
    assert command("check", tmp_path / NAME, "--roster", tmp_path / "none.csv").exit_code == 1


def with_main(folder: Path, code: str) -> Path:
    entries = [entry for entry in right() if entry.name != b"main.py"]
    (folder / NAME).write_bytes(archive([*entries, Entry(b"main.py", code.encode())]))
    return folder / NAME


def test_run_says_what_came_out(tmp_path, command):
    code = "import sys\nsys.path.append('code')\nimport model\nprint(model.depth, '\\x1b[2J')\n"
    code += "open('out.csv', 'w').write('1')"
    answer = command("check", with_main(tmp_path, code), "--run", "--keep", tmp_path / "kept")
    assert answer.exit_code == 0, answer.output
    assert "  | 3 \\x1b[2J" in answer.stdout and "made: 'out.csv', 1 bytes" in answer.stdout
    assert "main.py: status 0" in answer.stdout and (tmp_path / "kept" / "out.csv").read_text() == "1"
    assert command("check", tmp_path / NAME, "--run", "--keep", tmp_path / "kept").exit_code == 1


def test_run_says_what_went_wrong(tmp_path, command):
    answer = command("check", with_main(tmp_path, "1 / 0"), "--run")
    assert answer.exit_code == 1 and "ZeroDivisionError" in answer.stdout and "main.py: status 1" in answer.stdout
    answer = command("check", with_main(tmp_path, "while True: pass"), "--run", "--seconds", "1")
    assert answer.exit_code == 1 and "it went beyond its limit of time" in answer.stdout


def test_what_is_refused_is_not_run(tmp_path):
    path = with_main(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Refused, match="truncated"):
        try_out(path, limits=Limits(seconds=5.0))
    assert not (tmp_path / "ran").exists()


def test_the_folder_of_a_run_is_removed(tmp_path):
    trial = try_out(with_main(tmp_path, "import os; print(os.getcwd())"), limits=Limits(seconds=60.0))
    assert trial.outcome.status == 0 and not Path(trial.outcome.output.strip()).exists() and trial.made == {}
