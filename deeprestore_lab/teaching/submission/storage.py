"""The files of a program that nobody trusts: listed, counted and removed, however deep and however well hidden."""

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path


def entries(folder: Path) -> Iterator[os.DirEntry | None]:
    """All that lies below a folder, links not followed; None for a folder that cannot be listed."""
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    yield entry
        except FileNotFoundError:
            continue  # removed meanwhile
        except OSError:  # no right to list it, or a path longer than the system takes
            yield None


def files(folder: Path, *, without: str, most: int) -> dict[str, tuple[int, int]]:
    """Size and time of each file below a folder, by its path in it, as far as they can be seen.

    What is in the subfolder `without` is left out, and what is more than `most`.
    """
    found: dict[str, tuple[int, int]] = {}
    for entry in entries(folder):
        try:
            state = None if entry is None else entry.stat(follow_symlinks=False)
        except OSError:
            continue
        if state is None or stat.S_ISDIR(state.st_mode):
            continue
        name = os.path.relpath(entry.path, folder)
        if name.split(os.sep)[0] != without:
            found[name] = (state.st_size, state.st_mtime_ns)
        if len(found) >= most:
            break
    return found


def too_much(folder: Path, numbers: Sequence[int], *, count: int, size: int, largest: int) -> str | None:
    """ "files" or "size of files" where a folder holds more than `count` or `size` bytes, else None.

    Files that the processes `numbers` have removed, and hold open or mapped into memory, count too. What cannot be
    listed cannot be counted, and is too much; a mapped file whose size cannot be asked for counts as the `largest` one.
    """
    left, room = count, size - _removed(numbers, folder, largest)
    for entry in entries(folder):
        try:
            left -= 1
            if entry is None or left < 0:
                return "files"
            state = entry.stat(follow_symlinks=False)
            room -= 0 if stat.S_ISDIR(state.st_mode) else state.st_size
        except FileNotFoundError:
            continue
        except OSError:
            return "files"
        if room < 0:
            break
    return "size of files" if room < 0 else None


def _removed(numbers: Sequence[int], folder: Path, largest: int) -> int:
    """The bytes of files without a name that processes hold open or mapped. 0 where there is no /proc."""
    found: dict[int, int] = {}  # by inode: the device of a mapping is another one on some file systems
    for path in (each for number in numbers for each in _listed(f"/proc/{number}/fd")):
        try:
            state = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(state.st_mode) and state.st_nlink == 0:
            found[state.st_ino] = state.st_size
    for path, inode in (each for number in numbers for each in _mapped(number, folder)):
        if inode not in found:
            try:
                found[inode] = os.stat(path).st_size  # for the system's administrator
            except OSError:
                found[inode] = largest
    return sum(found.values())


def _mapped(number: int, folder: Path) -> Iterator[tuple[str, int]]:
    """The files of a folder that a process has mapped and that have no name any more: where /proc has them, inodes."""
    try:
        with open(f"/proc/{number}/maps", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for fields in (line.split(maxsplit=5) for line in lines):
        if len(fields) == 6 and fields[5].startswith(f"{folder}/") and fields[5].endswith(" (deleted)"):
            yield f"/proc/{number}/map_files/{fields[0]}", int(fields[4])


def _listed(place: str) -> list[str]:
    try:
        return [os.path.join(place, each) for each in os.listdir(place)]
    except OSError:
        return []


def remove(folder: Path) -> None:
    """Remove a folder whatever is in it; what the system refuses to remove stays.

    Each folder in it is first moved up to the top: paths stay short, and a thousand folders in each other are no
    deeper than one.
    """
    top = Path(tempfile.mkdtemp(prefix="removed-", dir=folder.parent))
    waiting, moved = [os.fspath(folder)], 0
    while waiting:
        place = waiting.pop()
        try:
            for entry in list(os.scandir(place)):
                if entry.is_dir(follow_symlinks=False):
                    os.chmod(entry.path, 0o700)
                    os.rename(entry.path, top / str(moved))
                    waiting.append(os.fspath(top / str(moved)))
                    moved += 1
                else:
                    os.unlink(entry.path)
            os.rmdir(place)
        except OSError:
            continue
    try:
        os.rmdir(top)
    except OSError:
        pass
