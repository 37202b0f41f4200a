"""Parts of a record: made once, kept whole, and never mixed with those of other settings."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch


@pytest.fixture
def resumable():
    return import_module("scripts.making.resumable")


def part(calls: list[str]):
    def make(key: str):
        calls.append(key)
        return {"length": len(key), "curve": [0.5, 1.0]}, {"x": torch.full((2, 3), float(len(key)))}

    return make


def test_a_part_is_made_once_and_comes_back_as_it_was(resumable, tmp_path):
    calls: list[str] = []
    parts = resumable.Parts("work", {"steps": 3}, cache=tmp_path)
    first = parts.all(["a/1", "bcd/2"], part(calls))
    again = resumable.Parts("work", {"steps": 3}, cache=tmp_path).all(["a/1", "bcd/2"], part(calls))
    assert calls == ["a/1", "bcd/2"]
    for key in first:
        assert first[key][0] == again[key][0] == {"length": len(key), "curve": [0.5, 1.0]}
        assert torch.equal(first[key][1]["x"], again[key][1]["x"])


def test_an_interrupted_piece_of_work_goes_on_where_it_stopped(resumable, tmp_path):
    calls: list[str] = []

    def breaks(key: str):
        if key == "second":
            raise KeyboardInterrupt
        return part(calls)(key)

    parts = resumable.Parts("work", {}, cache=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        parts.all(["first", "second", "third"], breaks)
    assert sorted(path.name for path in parts.folder.iterdir()) == ["first.safetensors"]
    parts.all(["first", "second", "third"], part(calls))
    assert calls == ["first", "second", "third"]


def test_what_a_record_has_is_not_made_again(resumable, tmp_path):
    calls: list[str] = []
    parts = resumable.Parts("work", {}, cache=tmp_path)
    parts.get("kept", part(calls))
    known = {"kept": {"length": 0}, "recorded": {"length": 7}}
    found = parts.all(["kept", "recorded", "new"], part(calls), known=known)
    assert calls == ["kept", "new"]
    assert found["recorded"] == ({"length": 7}, {})
    assert found["kept"][0]["length"] == 4 and found["kept"][1]["x"].shape == (2, 3)


def test_only_a_record_of_these_settings_is_taken_up(resumable, monkeypatch):
    nested, flat = {"settings": {"share": 0.15, "steps": 3}, "runs": 1}, {"share": 0.15, "steps": 3, "runs": 2}
    for record in (nested, flat):
        monkeypatch.setattr(resumable, "load_record", lambda name, record=record: record)
        assert resumable.recorded("any", {"share": 0.15000001, "steps": 3}) == record
        assert resumable.recorded("any", {"share": 0.2, "steps": 3}) == {}
        assert resumable.recorded("any", {"share": 0.15, "steps": 3, "count": 1}) == {}
    monkeypatch.undo()
    assert resumable.recorded("no_such_record", {}) == {}


def test_keys_that_would_share_a_file_are_refused(resumable, tmp_path):
    with pytest.raises(ValueError, match="these keys would share a file: a/1, a_1"):
        resumable.Parts("work", {}, cache=tmp_path).all(["a/1", "b", "a_1"], part([]))


def test_other_settings_have_other_parts(resumable, tmp_path):
    folders = {resumable.Parts("work", {"steps": n}, cache=tmp_path).folder for n in (1, 2)}
    folders |= {resumable.Parts("other", {"steps": 1}, cache=tmp_path).folder}
    assert len(folders) == 3
    same = resumable.Parts("work", {"b": 1, "a": 2}, cache=tmp_path).folder
    assert same == resumable.Parts("work", {"a": 2, "b": 1}, cache=tmp_path).folder


def test_the_folder_comes_with_the_first_part(resumable, tmp_path):
    parts = resumable.Parts("work", {}, cache=tmp_path)
    assert not parts.checkpoint("key").exists() and list(tmp_path.iterdir()) == []
    parts.get("key", part([]))
    assert list(tmp_path.iterdir()) == [parts.folder]


def test_a_finished_part_needs_no_checkpoint(resumable, tmp_path):
    parts = resumable.Parts("work", {}, cache=tmp_path)

    def half_written(key: str):
        parts.checkpoint(key).write_bytes(b"half of a run")
        return part([])(key)

    parts.get("key", half_written)
    assert not parts.checkpoint("key").exists()


def test_rounding_reaches_nested_numbers_and_leaves_the_rest(resumable):
    content = {"a": [26.123456, 0.0001234567, {"b": 2}], "c": "1.234567", "d": 7, "e": True}
    expected = {"a": [26.123, 0.00012346, {"b": 2}], "c": "1.234567", "d": 7, "e": True}
    assert resumable.rounded(content) == expected


def test_a_part_that_is_damaged_is_named(resumable, tmp_path):
    parts = resumable.Parts("work", {}, cache=tmp_path)
    parts.get("first", part([]))
    (file,) = parts.folder.iterdir()
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"first.safetensors is no part that can be read .*; remove it"):
        parts.get("first", part([]))


def test_a_part_that_cannot_be_written_leaves_nothing(resumable, tmp_path):
    parts = resumable.Parts("work", {}, cache=tmp_path)
    with pytest.raises(TypeError):
        parts.get("first", lambda key: ({"not JSON": object()}, {}))
    assert list(parts.folder.iterdir()) == []


def test_rows_of_a_record_have_the_keys_of_their_parts(resumable):
    rows = {"pixels": [{"rank": 1}, {"rank": 2}], "none": []}
    assert resumable.by_key(rows, range(5)) == {"pixels | 0": {"rank": 1}, "pixels | 1": {"rank": 2}}


def test_a_picture_that_was_not_made_again_is_the_shipped_one(resumable, monkeypatch):
    monkeypatch.setattr(resumable, "load_picture", lambda name, file: f"{name}/{file}".encode())
    assert resumable.or_shipped("walks", {"0.webp": None, "1.webp": b"new"}) == {
        "0.webp": b"walks/0.webp",
        "1.webp": b"new",
    }
