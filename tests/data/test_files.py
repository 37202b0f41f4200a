"""Folders, sums and IDX files, the last against files packed here by hand."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from deeprestore_lab.data import DataError, cache_folder, local_folder
from deeprestore_lab.data.files import check_sum, downloads_allowed, listed_sums, read_idx


def packed(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_the_local_folder_is_read_at_each_call(tmp_path, monkeypatch):
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    assert local_folder() is None
    monkeypatch.setenv("DEEPRESTORE_DATA", str(tmp_path))
    assert local_folder() == tmp_path
    monkeypatch.setenv("DEEPRESTORE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere', which is not a folder"):
        local_folder()


def test_the_cache_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPRESTORE_CACHE", str(tmp_path / "a"))
    assert cache_folder() == tmp_path / "a"
    monkeypatch.delenv("DEEPRESTORE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "deeprestore_lab"


@pytest.mark.parametrize("setting, allowed", [("1", True), ("TRUE", True), ("0", False), ("", False)])
def test_downloads_need_permission(monkeypatch, setting, allowed):
    monkeypatch.setenv("DEEPRESTORE_DOWNLOAD", setting)
    assert downloads_allowed(None) is allowed
    assert downloads_allowed(True) is True and downloads_allowed(False) is False


@pytest.mark.parametrize("shape", [(7,), (3, 4), (5, 28, 28), (2, 3, 4, 5)])
def test_idx_arrays_come_back(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(packed(array)))
    assert np.array_equal(read_idx(path), array)


def test_damaged_idx_files_are_refused(tmp_path):
    whole = packed(np.ones((4, 5), np.uint8))
    path = tmp_path / "a.gz"
    with pytest.raises(DataError, match="a.gz is missing"):
        read_idx(path)
    for raw, message in (
        (b"", "it starts with nothing"),
        (whole[:3], "no IDX file"),
        (whole[:8], "no IDX file"),
        (b"\0\0\x0d" + whole[3:], "no IDX file of bytes: it starts with 00000d02"),  # floats
        (b"<html>not here</html>", "no IDX file"),
        (whole[:-1], "promises 20 values, it holds 19"),
        (whole + b"\0", "promises 20 values, it holds 21"),
        (struct.pack(">HBB2I", 0, 8, 2, 2**32 - 1, 2**32 - 1), "promises 18446744065119617025 values"),
    ):
        path.write_bytes(gzip.compress(raw))
        with pytest.raises(DataError, match=message):
            read_idx(path)
    zipped = gzip.compress(whole)
    for raw in (whole, zipped[:-9], zipped[:12] + b"\xff" * 8 + zipped[20:], b""):
        path.write_bytes(raw)
        with pytest.raises(DataError, match="cannot be unpacked|no IDX file"):
            read_idx(path)


def test_a_zip_bomb_is_not_unpacked_whole(tmp_path):
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(struct.pack(">HBB1I", 0, 8, 1, 2**30))
        for _ in range(101):
            file.write(bytes(10**6))
    with pytest.raises(DataError, match="promises 1073741824 values, it holds 99999993"):
        read_idx(path)


def test_sums_are_read_and_checked(tmp_path):
    (tmp_path / "a.txt").write_text("content")
    total = hashlib.sha256(b"content").hexdigest()
    assert listed_sums(tmp_path) == {}
    (tmp_path / "SHA256SUMS").write_text(f"{total}  a.txt\n\n{total} *./b c.txt\n")
    assert listed_sums(tmp_path) == {"a.txt": total, "b c.txt": total}
    assert check_sum(tmp_path / "a.txt", total) == tmp_path / "a.txt"
    assert check_sum(tmp_path / "a.txt", None) == tmp_path / "a.txt"
    with pytest.raises(DataError, match="a.txt is damaged or another file"):
        check_sum(tmp_path / "a.txt", "0" * 64)
    with pytest.raises(DataError, match="missing.txt cannot be read"):
        check_sum(tmp_path / "missing.txt", total)
    (tmp_path / "SHA256SUMS").write_text("not a sum\n")
    with pytest.raises(DataError, match="SHA256SUMS of the local data folder is damaged"):
        listed_sums(tmp_path)
