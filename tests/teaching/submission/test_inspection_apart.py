"""Parts are read in a process with limits: what is hostile to the reader is a refusal, and quick."""

from __future__ import annotations

import time

import pytest

from archives import IDS, NAME, Entry, a_pdf, archive, right
from deeprestore_lab.teaching.submission import Refused, check, confinement, inspection


def refusals(*more: Entry) -> list[str]:
    replaced = {entry.name for entry in more}
    try:
        inspection.read(archive([entry for entry in right() if entry.name not in replaced] + list(more)), IDS)
    except Refused as refused:
        return [f"{refusal.name}: {refusal.where}" for refusal in refused.refusals]
    return []


def test_a_right_archive_is_accepted_in_seconds(tmp_path):
    (tmp_path / NAME).write_bytes(archive(right()))
    started = time.perf_counter()
    assert check(tmp_path / NAME) == []
    assert time.perf_counter() - started < 20  # 0.3 s on a quiet machine
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_what_is_wrong_comes_back_from_the_other_process():
    assert refusals(Entry(b"main.py", b"def"), Entry(b"ex3.pdf", b"%PDF-1.4")) == [
        "broken part: main.py",
        "broken part: ex3.pdf",
    ]


def test_what_the_reader_of_pdfs_warns_of_is_no_part_of_the_answer():
    assert refusals(Entry(b"ex3.pdf", a_pdf().replace(b"%PDF-1.4\n", b"%PDF-1.4 \n"))) == []


@pytest.mark.parametrize("code", [b"-" * 200_000 + b"1", b"(" * 5_000, b"x" + b".a" * 300_000])
def test_code_that_hurts_the_compiler(code):
    assert refusals(Entry(b"code/deep.py", code)) == ["broken part: code/deep.py"]


def test_a_reader_that_ends_without_an_answer_is_a_refusal_that_names_the_part(monkeypatch):
    monkeypatch.setattr(
        inspection, "CODE", "import sys; sys.exit(3 if b'poison' in sys.stdin.buffer.read() else print([]))"
    )
    assert refusals() == []
    assert refusals(Entry(b"code/b.py", b"poison = 1")) == ["broken part: code/b.py"]


def test_a_reader_that_takes_too_long_is_a_refusal(monkeypatch):
    monkeypatch.setattr(inspection, "CODE", "while True: pass")
    monkeypatch.setattr(inspection, "READING", confinement.Limits(seconds=0.3))
    assert refusals() == ["broken part: ex3.pdf"]


def test_naming_the_part_ends_with_the_time(monkeypatch):
    """Many parts that are slow together and none alone: the search for the one does not go on for hours."""
    asked = []
    monkeypatch.setattr(inspection, "READING", confinement.Limits(seconds=1.0))
    monkeypatch.setattr(inspection, "_asked", lambda parts, ids: asked.append(parts) or time.sleep(0.6) or _late(parts))
    parts = {f"{number}.py": b"" for number in range(50)}
    assert [str(each) for each in inspection._wrong_parts(parts, IDS)] == ["broken part: 'archive': late"]
    assert 2 <= len(asked) < 6


def _late(parts) -> list | str:
    return "late" if len(parts) > 1 else []
