"""Files are whole: the bytes are on the disk before the name is, and what fails leaves nothing."""

from __future__ import annotations

import os
import stat

import pytest

from deeprestore_lab.core.writing import whole, write_whole


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")
def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    done, replace, fsync = [], os.replace, os.fsync

    def waited(handle):
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else os.fstat(handle).st_size)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", waited)
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("renamed"), replace(*paths)))
    write_whole(tmp_path / "x", b"12345")
    assert done == [5, "renamed", "folder"] and (tmp_path / "x").read_bytes() == b"12345"


def test_a_file_system_that_waits_for_files_alone_will_do(tmp_path, monkeypatch):
    def files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError("Invalid argument")

    monkeypatch.setattr(os, "fsync", files_only)
    write_whole(tmp_path / "x", b"1")
    assert (tmp_path / "x").read_bytes() == b"1"


def test_a_disk_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    write_whole(tmp_path / "x", b"old")

    def full(handle):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"), whole(tmp_path / "x") as part:
        part.write_bytes(b"new")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"old"]
