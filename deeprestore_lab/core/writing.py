"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to be written in its place: it takes that place when the block ends, and goes if it raises.

    Until then what was at `path` stays as it was, through a loss of power too. Raises `OSError` where the folder cannot
    be written to.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole(Path(folder) / "numbers.txt") as part:
    ...         _ = part.write_text("1 2 3")
    ...     [each.name for each in Path(folder).iterdir()]
    ['numbers.txt']
    """
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)  # that of a temporary file lets its owner alone read it
        _on_disk(part)
        os.replace(part, path)
        _on_disk(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _on_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk: the new name could be there before the bytes."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # some file systems have this for files alone
            raise
    finally:
        os.close(handle)


def write_whole(path: Path, raw: bytes) -> None:
    """Write these bytes to `path` whole or not at all. Raises `OSError` as `whole` does."""
    with whole(path) as part:
        part.write_bytes(raw)
