"""What goes wrong by accident gets a sentence that says what to do: capitals, encodings, macOS, an empty README."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from archives import IDS, README, Entry, a_pdf, archive, refusals, right, without
from deeprestore_lab.teaching.submission import Refused, build
from deeprestore_lab.teaching.submission.inspection import read

pytestmark = pytest.mark.usefixtures("parts_are_read_here")


def said(data: bytes) -> list[str]:
    return [str(refusal) for refusal in refusals(data)]


@pytest.mark.parametrize(
    ("part", "found"), [("main.py", "Main.py"), ("README.md", "readme.md"), ("ex3.pdf", "EX3.PDF")]
)
def test_capitals_are_renamed(part, found):
    (entry,) = [entry for entry in right() if entry.name == part.encode()]
    (line,) = said(without(entry.name, Entry(found.encode(), entry.data)))
    assert line.startswith(f"missing part: '{part}'") and f"'{found}' is there: rename it, {part} is" in line


def test_a_folder_around_them_is_left_out():
    lines = said(archive([Entry(b"folder/" + entry.name, entry.data) for entry in right()]))
    assert len(lines) == 3 and all("pack the files, not their folder (open it, select all" in line for line in lines)


def test_a_readme_that_is_not_filled_in():
    template = b"- Name: <first student>\n- ID: <first ID>\n- User name: <first user name>\n" * 2
    lines = said(without(b"README.md", Entry(b"README.md", template)))
    assert lines == [
        "missing part: 'README.md': the names are not filled in: write yours after "
        "`Name:`, `ID:` and `User name:`, for both"
    ]
    half = README.replace(b"Emmy Noether", b"<second student>")
    assert (
        "it has 1 line `Name: ...`; two students need two" in said(without(b"README.md", Entry(b"README.md", half)))[0]
    )


def test_a_member_that_is_there_twice():
    (line,) = said(archive([*right(), Entry(b"main.py", b"print(1)\n")]))
    assert line == "duplicate name: 'main.py': it is in the archive twice: build the archive anew"
    (line,) = said(archive([*right(), Entry(b"MAIN.py", b"print(1)\n")]))
    assert "on some systems it is the same file as 'main.py'" in line


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_is_saved_as_utf_8(encoding):
    (line,) = said(without(b"main.py", Entry(b"main.py", "print('ö')\n".encode(encoding))))
    assert line == "broken part: 'main.py': it is UTF-16: save it as UTF-8 in your editor"


def test_latin_1_without_a_coding_line_is_refused_with_the_mend_and_with_one_is_right():
    code = "x = 1\nname = 'Müller'\n"
    (line,) = said(without(b"main.py", Entry(b"main.py", code.encode("latin-1"))))
    assert line.startswith("broken part: 'main.py': line 2 has a letter that is not UTF-8 (Latin-1?): save the file")
    assert said(without(b"main.py", Entry(b"main.py", b"# coding: latin-1\n" + code.encode("latin-1")))) == []
    assert said(without(b"main.py", Entry(b"main.py", code.encode()))) == []
    (line,) = said(without(b"main.py", Entry(b"main.py", b"x = (\n")))
    assert "line 1 does not compile: '(' was never closed" in line


def test_what_macos_adds_is_passed_over_and_never_read():
    added = [
        Entry(b"__MACOSX/", mode=0o040755),
        Entry(b"__MACOSX/._main.py", b"\0\5\x16\7"),
        Entry(b"code/.DS_Store", b"1"),
    ]
    assert said(archive([*right(), *added])) == []
    assert not [name for name in read(archive([*right(), *added]), IDS) if "MACOSX" in name or "DS_Store" in name]
    assert said(archive([*right(), Entry(b"__MACOSX_of_mine/run.exe", b"1")]))


def test_the_pages_of_the_report_are_counted():
    assert said(without(b"ex3.pdf", Entry(b"ex3.pdf", a_pdf(10), method=0))) == []
    (line,) = said(without(b"ex3.pdf", Entry(b"ex3.pdf", a_pdf(11), method=0)))
    assert line == "too long: 'ex3.pdf': it has 11 pages; 10 are allowed"


class Wide(zipfile.ZipFile):
    """Python's own writer, with all sizes, and the end, of the Zip64 kind."""

    def add(self, name: str, data: bytes) -> None:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        with self.open(info, "w", force_zip64=True) as member:
            member.write(data)


def wide(monkeypatch, *, end: bool) -> bytes:
    data = io.BytesIO()
    if end:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    with Wide(data, "w") as archive_:
        for entry in right():
            archive_.add(entry.name.decode(), entry.data)
    return data.getvalue()


@pytest.mark.parametrize("end", [False, True])
def test_zip64_headers_that_are_honest_are_accepted(monkeypatch, end):
    data = wide(monkeypatch, end=end)
    assert (b"PK\x06\x06" in data) == end and b"\xff\xff\xff\xff" in data
    assert said(data) == []


def test_zip64_headers_that_lie_are_not(monkeypatch):
    data = bytearray(wide(monkeypatch, end=False))
    place = data.index(b"ex3.pdf") + len("ex3.pdf") + 4  # the size in the first member's own header
    data[place] ^= 1
    assert said(bytes(data))[0].startswith("lying header: 'ex3.pdf'")
    data = bytearray(wide(monkeypatch, end=True))
    data[data.index(b"PK\x06\x06") + 32] ^= 1  # its count
    assert said(bytes(data))[0].startswith("broken zip file")


@pytest.fixture
def folder(tmp_path):
    for entry in right():
        path = tmp_path / entry.name.decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.data)
    return tmp_path


def test_build_names_everything_that_is_missing_at_once(folder):
    pytest.importorskip("typst")
    (folder / "report.typ").write_text('#let r = json("results.json")\n#image("pictures/a.png")\n// image("old.png")\n')
    (folder / "README.md").write_text("Name: <you>\n")
    os.rename(folder / "main.py", folder / "Main.py")
    (folder / "code" / "model.py").write_text("def")
    with pytest.raises(Refused) as refused:
        build(IDS, folder=folder)
    lines = [str(each) for each in refused.value.refusals]
    assert [line.split("': ")[0] for line in lines] == [
        "missing part: 'results.json",
        "missing part: 'pictures/a.png",
        "missing part: 'main.py",
        "missing part: 'README.md",
        "broken part: 'code/model.py",
    ]
    assert "run `python main.py`, which makes it" in lines[0] and "rename it" in lines[2]
