"""Hostile and broken archives, made by hand: each gets a refusal by its name, in seconds, and never an exception."""

from __future__ import annotations

import io
import json
import random
import struct
import tracemalloc
import zipfile

import pytest

from archives import IDS, NAME, README, Entry, a_pdf, archive, noise, refusals, right, without
from deeprestore_lab.teaching.submission import Refused, check
from deeprestore_lab.teaching.submission.inspection import read

pytestmark = pytest.mark.usefixtures("parts_are_read_here")


def names(data: bytes) -> set[str]:
    """The names of the refusals that an archive gets."""
    return {refusal.name for refusal in refusals(data)}


def with_(*more: Entry) -> bytes:
    return archive([*right(), *more])


def test_a_right_archive_is_accepted(tmp_path):
    (tmp_path / NAME).write_bytes(archive(right()))
    assert check(tmp_path / NAME) == []
    with zipfile.ZipFile(tmp_path / NAME) as theirs:  # what is made by hand is a zip file
        assert theirs.testzip() is None and len(theirs.namelist()) == 4


@pytest.mark.parametrize("streamed", [False, True])
def test_what_other_writers_make_is_accepted(streamed):
    class Pipe(io.BytesIO):
        """Without a way back, sizes stand behind the data."""

        def seekable(self):
            return not streamed

        def seek(self, *arguments):
            if streamed:
                raise OSError("a pipe")
            return super().seek(*arguments)

    data = Pipe()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as theirs:
        theirs.comment = b"homework"
        theirs.writestr("code/", b"")
        for entry in right():
            theirs.writestr(entry.name.decode(), entry.data)
    assert names(data.getvalue()) == set()


HOSTILE = {
    "absolute path": [b"/etc/cron.d/x.py", b"C:/x.py", b"\\\\server\\x.py"],
    "climbing path": [b"../x.py", b"a/../../x.py", b"a\\..\\x.py", b".."],
    "odd name": [
        b"aux.py",
        b"code/COM1.py",
        b"nul",
        b"a.py ",
        b"a./b.py",
        b"a\nb.py",
        b"a\x00.py",
        b"a\\b.py",
        b"ab:c.py",
        b"a//b.py",
        b"./a.py",
        b"",
        b"\xff.py",
        "a\u202eyp.py".encode(),
        b"n" * 150 + b".py",
        b"long/" * 50 + b"a.py",
    ],
    "duplicate name": [b"main.py", b"MAIN.py", b"main.py/a.py", b"ex3.PDF"],
    "nested archive": [b"more.zip", b"more.tar.gz", b"weights.npz", b"weights.pt"],
    "unexpected file": [b"run.exe", b"code/run.sh", b"Makefile"],
}


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in HOSTILE.items() for path in paths])
def test_names_of_members(name, path):
    assert name in names(with_(Entry(path, b"1\n")))


def test_links_and_special_files():
    assert names(with_(Entry(b"a.py", b"/etc/passwd", mode=0o120777))) == {"link"}
    assert names(with_(Entry(b"a.py", b"1", extra=struct.pack("<2H", 0x756E, 0)))) == {"link"}
    for kind in (0o010644, 0o020644, 0o060644, 0o140644, 0o040755):
        assert names(with_(Entry(b"a.py", b"1", mode=kind))) == {"special file"}


def test_encrypted_members():
    assert names(with_(Entry(b"a.py", b"1", flags=1))) == {"encrypted member"}
    assert names(with_(Entry(b"a.py", b"1", method=99))) == {"encrypted member"}


def test_methods_that_we_do_not_unpack():
    assert names(with_(Entry(b"a.py", b"1", method=14))) == {"broken zip file"}


def test_headers_that_disagree():
    assert names(with_(Entry(b"a.py", b"1", local_name=b"b.py"))) == {"lying header"}
    assert names(with_(Entry(b"a.py", b"1", local_size=7))) == {"lying header"}
    assert names(with_(Entry(b"a.py", b"1", extra=struct.pack("<2H", 0x7075, 0)))) == {"lying header"}
    assert "lying header" in names(with_(Entry(b"a/", b"1", mode=0o040755)))


@pytest.mark.parametrize("size", [3, 30])
def test_lying_sizes(size):
    assert names(with_(Entry(b"a.py", b"x = 1 + 1\n", size=size))) == {"lying size"}
    assert names(with_(Entry(b"a.py", b"x = 1 + 1\n", size=size, method=0))) == {"lying size"}


def test_a_small_size_that_hides_a_bomb_unpacks_no_further():
    data = with_(Entry(b"a.csv", bytes(90_000_000), size=1000, crc=0))
    tracemalloc.start()
    assert names(data) == {"lying size"}
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_bombs():
    assert names(with_(Entry(b"a.csv", bytes(20_000_000)))) == {"bomb"}
    assert names(with_(Entry(b"a.csv", b"1", size=4_000_000_000))) == {"bomb"}
    many = [Entry(f"{number}.csv".encode(), b"1", size=4_999_999) for number in range(50)]
    assert names(with_(*many)) == {"bomb"}
    assert names(with_(Entry(b"a.png", bytes(4_000_000)))) == set()  # a small one may shrink a lot


def test_members_that_lie_over_each_other():
    """One packed stream, listed many times, is how the largest bombs are made."""
    first = Entry(b"a.csv", noise(1000), at=0)
    for at in (0, 5):
        entries = [Entry(b"a.csv", noise(1000)), first]
        entries[1].at = at
        assert names(archive(entries)) == {"broken zip file"}


def test_more_members_than_allowed():
    many = [Entry(f"{number}.py".encode()) for number in range(1001)]
    assert names(archive(many)) == {"too many members"}


def test_an_end_that_lies_about_the_count():
    for count in (3, 5):
        assert names(archive(right(), count=count)) == {"broken zip file"}
    assert names(archive(right(), offset=1)) == {"broken zip file"}
    assert names(archive(right(), offset=2**31)) == {"broken zip file"}
    assert names(b"\0" * 9 + archive(right())) == {"broken zip file"}


@pytest.mark.parametrize("head", [b"PK\3\4", b"\x1f\x8b", b"7z\xbc\xaf'\x1c", b"Rar!\x1a\x07", b"BZh", b"\xfd7zXZ\0"])
def test_archives_under_another_name(head):
    assert names(with_(Entry(b"data.csv", head + b"1"))) == {"nested archive"}


def test_no_zip_file_and_a_truncated_one():
    whole = archive(right())
    assert names(b"") == names(b"Rar!" * 99) == {"no zip file"}
    for length in (30, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        assert names(whole[:length]) == {"truncated"}
    assert names(whole + b"\0") == {"truncated"}


def test_content_that_does_not_fit_its_sum():
    assert names(with_(Entry(b"a.py", b"x = 1", crc=7))) == {"broken member"}
    assert names(with_(Entry(b"a.py", b"x = 1", packed_as=b"\xff\xff\xff"))) == {"broken member"}


@pytest.mark.parametrize("name", [b"ex3.pdf", b"README.md", b"main.py"])
def test_missing_parts(name):
    with pytest.raises(Refused, match=f"missing part: '{name.decode()}'"):
        read(without(name), IDS)


def test_a_folder_around_the_parts_is_named():
    inside = [Entry(b"homework/" + entry.name, entry.data, method=entry.method) for entry in right()]
    with pytest.raises(Refused, match="pack the files, not their folder"):
        read(archive(inside), IDS)


BROKEN = {
    b"ex3.pdf": [b"", b"a text", b"%PDF-1.7\n", a_pdf()[:-30], a_pdf(0), a_pdf().replace(b"/Pages 2", b"/Pages 9")],
    b"main.py": [b"def f(:\n", b"\x00", b"\xff\xfe", b"x = '" + b"\n", b"return 3\n", b"# coding: no-such\n"],
}


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, all_ in BROKEN.items() for data in all_])
def test_broken_parts(name, data):
    with pytest.raises(Refused, match=f"broken part: '{name.decode()}'"):
        read(without(name, Entry(name, data)), IDS)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"cells": 3}', b'{"cells": [{"cell_type": "code"}]}', b"[" * 100_000])
def test_broken_notebooks(data):
    assert names(with_(Entry(b"a.ipynb", data))) == {"broken part"}


def test_notebooks_with_magics_are_right_and_others_are_not():
    cell = '{"cells": [{"cell_type": "code", "source": ["%matplotlib inline\\n", "if 1:\\n", "    !ls\\n", "LAST"]}]}'
    assert names(with_(Entry(b"a.ipynb", cell.replace("LAST", "x?").encode()))) == set()
    assert names(with_(Entry(b"a.ipynb", cell.replace("LAST", "def").encode()))) == {"broken part"}


@pytest.mark.parametrize(
    "cell",
    [
        "x = [\n    1,  # is this enough?\n    2,\n]",
        "x = (\n    '%d'\n    % 3\n)",
        "files = !ls",
        "t = %timeit -o f()",
    ],
)
def test_good_cells_are_not_taken_for_broken_ones(cell):
    notebook = {"cells": [{"cell_type": "code", "source": cell}]}
    assert names(with_(Entry(b"a.ipynb", json.dumps(notebook).encode()))) == set()


def test_code_is_not_run(tmp_path):
    trace = tmp_path / "trace"
    code = f"open({str(trace)!r}, 'w')\n".encode()
    assert names(without(b"main.py", Entry(b"main.py", code))) == set()
    assert not trace.exists()


@pytest.mark.parametrize(
    "readme",
    [
        b"",
        README.replace(b"emmy", b""),
        README.replace(b"Ada Lovelace", b"<first student>"),
        README.replace(b"87654321", b"11111111"),
        README.replace(b"emmy", b"ada"),
        README.replace(b"User name", b"Login"),
        README + b"Name: A third\n",
        README.decode().encode("utf-16"),
    ],
)
def test_a_readme_without_names(readme):
    found = names(without(b"README.md", Entry(b"README.md", readme)))
    assert found and found <= {"missing part", "broken part"}


@pytest.mark.parametrize(
    "readme",
    [
        README + b"\nSteps on a grid: 64 weights. Its filename: main.py. Surname: none.\n",
        README.replace(b"- Name: Ada Lovelace", b"1. **Name**: Ada Lovelace").replace(b"- ID", b"## ID"),
        README.replace(b"Emmy Noether", b"Ada Lovelace"),
        README.replace(b"\n", b"\r\n"),
    ],
)
def test_a_readme_may_be_written_in_other_ways(readme):
    """Words that end in a key are none, and two students may share a name."""
    assert names(without(b"README.md", Entry(b"README.md", readme))) == set()


@pytest.mark.parametrize(
    "name",
    [
        "ex3_1_2.zip",
        "ex3_12345678.zip",
        "ex3_12345678_87654321.rar",
        "EX3_12345678_87654321.zip",
        "ex3_a b_12345678.zip",
    ],
)
def test_wrong_archive_names(tmp_path, name):
    (tmp_path / name).write_bytes(archive(right()))
    assert [refusal.name for refusal in check(tmp_path / name)] == ["wrong archive name"]


def test_ids(tmp_path):
    path = tmp_path / "ex3_12345678_12345678.zip"
    assert [refusal.name for refusal in check(path)] == ["wrong ID"]
    path = tmp_path / NAME
    assert [refusal.name for refusal in check(path)] == ["no zip file"]
    path.write_bytes(archive(right()))
    assert [str(refusal) for refusal in check(path, ids={"12345678"})] == [
        "unknown ID: '87654321': it is not on the list of students"
    ]
    assert check(path, ids=set(IDS)) == []


def test_names_from_an_archive_cannot_steer_the_terminal():
    with pytest.raises(Refused) as refused:
        read(with_(Entry(b"\x1b[2Ja.py\r", b"1")), IDS)
    assert "\x1b" not in str(refused.value) and "\\x1b[2Ja.py\\r" in str(refused.value)


@pytest.mark.parametrize("seed", range(4))
def test_damage_anywhere_gives_refusals_and_no_exception(seed):
    """Bytes of a right archive changed at random."""
    chance, whole, refused = random.Random(seed), archive(right()), 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        refused += bool(names(bytes(data)))
    assert refused > 150
