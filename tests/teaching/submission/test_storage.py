"""What a program leaves behind, however deep: it is listed without an exception, and removed."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys

import pytest

from deeprestore_lab.teaching.submission import storage

DEEP = 1500  # folders in each other; Python's recursion ends at a thousand


@pytest.fixture
def deep(tmp_path):
    """A folder too deep for recursion, and one too deep for a path."""
    if not hasattr(os, "fchdir"):
        pytest.skip("no way down by descriptors")
    folder = tmp_path / "own"
    folder.mkdir()
    before = os.open(".", os.O_RDONLY)
    for name, count in (("a", DEEP), ("b" * 100, 60)):
        os.chdir(folder)
        for _ in range(count):
            os.mkdir(name)
            os.chdir(name)
        with open("last.csv", "w") as file:
            file.write("1")
    os.fchdir(before)
    os.close(before)
    yield folder
    storage.remove(folder)


def test_what_is_deep_is_removed(deep, tmp_path):
    (tmp_path / "other.txt").write_text("not theirs")
    (deep / "link").symlink_to(tmp_path)
    storage.remove(deep)
    assert [each.name for each in tmp_path.iterdir()] == ["other.txt"]


def test_what_is_deep_is_listed_as_far_as_it_can_be(deep):
    (deep / "a" / "one.csv").write_text("12")
    (deep / ".home").mkdir()
    (deep / ".home" / "cache.csv").write_text("3")
    found = storage.files(deep, without=".home", most=10_000)
    assert found[os.path.join("a", "one.csv")][0] == 2
    assert {os.path.basename(name) for name in found} == {"one.csv", "last.csv"}
    assert sum(name.endswith("last.csv") for name in found) == 1  # the other is beyond the longest path
    assert len(storage.files(deep, without=".home", most=1)) == 1


def test_too_much(tmp_path):
    (folder := tmp_path / "own" / "more").mkdir(parents=True)
    (folder / "a.csv").write_bytes(bytes(600))
    (folder / "b.csv").write_bytes(bytes(400))
    (folder / "link").symlink_to(__file__)
    length = 1000 + len(__file__)  # a link has its target's length
    for count, size, word in ((4, length, None), (3, length, "files"), (4, length - 1, "size of files")):
        assert storage.too_much(folder.parent, (), count=count, size=size, largest=0) == word


def test_what_cannot_be_listed_is_too_much(deep):
    assert storage.too_much(deep, (), count=10_000, size=10**9, largest=0) == "files"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_removed_files_that_are_open_count_once(tmp_path):
    with open(tmp_path / "x", "wb", buffering=0) as file:
        file.write(bytes(1000))
        os.unlink(tmp_path / "x")
        twice = os.dup(file.fileno())
        own = (os.getpid(), os.getpid())
        before = storage.too_much(tmp_path, own, count=9, size=10**12, largest=0)
        assert before is None and storage._removed(own, tmp_path, 0) >= 1000
        held = storage._removed(own, tmp_path, 0)
        os.close(twice)
        assert storage._removed(own, tmp_path, 0) == held
    assert storage._removed(own, tmp_path, 0) == held - 1000


@pytest.fixture
def mapped(tmp_path):
    """A page of a file of 10,000 bytes in memory, the file closed and removed. (Python's own `mmap` keeps it open.)"""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    (tmp_path / "x").write_bytes(bytes(10_000))
    handle = os.open(tmp_path / "x", os.O_RDONLY)
    place = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, handle, 0)
    os.close(handle)
    os.unlink(tmp_path / "x")
    yield lambda: libc.munmap(place, 4096)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("administrator", [True, False])
def test_a_file_that_is_mapped_closed_and_removed_counts(mapped, tmp_path, monkeypatch, administrator):
    """Whole where its size can be asked for, else as the largest file that a program may write."""
    ask, largest = os.stat, 1_000_000

    def stat(path, *rest, **options):
        if "map_files" in str(path) and not administrator:
            raise PermissionError(path)
        return ask(path, *rest, **options)

    monkeypatch.setattr(os, "stat", stat)
    own = (os.getpid(), os.getpid())
    with_it = storage._removed(own, tmp_path, largest)
    assert storage.too_much(tmp_path, own, count=9, size=with_it, largest=largest) is None
    assert storage.too_much(tmp_path, own, count=9, size=with_it - 1, largest=largest) == "size of files"
    assert not list(storage._mapped(os.getpid(), tmp_path / "other"))
    mapped()
    counted = with_it - storage._removed(own, tmp_path, largest)
    assert counted == (10_000 if administrator and os.geteuid() == 0 else largest)
