"""Archives for tests, made byte by byte, so that they can lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from deeprestore_lab.teaching.submission import Refused
from deeprestore_lab.teaching.submission.inspection import read
from deeprestore_lab.teaching.submission.refusals import Refusal

IDS = ("12345678", "87654321")
NAME = "ex3_12345678_87654321.zip"
README = b"""# Exercise
- Name: Ada Lovelace
- ID: 12345678
- User name: ada
- Name: Emmy Noether
- ID: 87654321
- User name: emmy
"""


def a_pdf(pages: int = 1) -> bytes:
    """A PDF written by hand, with a table of cross-references."""
    kids = " ".join(f"{number} 0 R" for number in range(3, 3 + pages))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {pages}/Kids[{kids}]>>"]
    objects += ["<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>"] * pages
    data, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n{text}\nendobj\n".encode()
    rows = "".join(f"{place:010} 00000 n \n" for place in places)
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}"
    return (
        data
        + f"{table}trailer\n<</Size {len(objects) + 1}/Note 0/Root 1 0 R>>\nstartxref\n{len(data)}\n%%EOF\n".encode()
    )


@dataclass
class Entry:
    """A member: its name and content, and what its two headers say, which may be something else."""

    name: bytes
    data: bytes = b""
    mode: int = 0o100644
    flags: int = 0
    method: int = 8
    size: int | None = None
    crc: int | None = None
    local_name: bytes | None = None
    local_size: int | None = None
    packed_as: bytes | None = None
    extra: bytes = b""
    at: int | None = None  # where the directory says its header is


def right() -> list[Entry]:
    """The members of an archive that nothing is wrong with."""
    return [
        Entry(b"ex3.pdf", a_pdf(2), method=0),
        Entry(b"README.md", README),
        Entry(b"main.py", b"print('it ran')\n"),
        Entry(b"code/model.py", b"depth = 3\n"),
    ]


def packed(data: bytes, method: int) -> bytes:
    if method != 8:
        return data
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


def archive(entries: list[Entry], *, count: int | None = None, comment: bytes = b"", offset: int = 0) -> bytes:
    """A zip file (APPNOTE.TXT 4.3). `count` is what its end says, `offset` is added to where its directory is."""
    out, directory = b"", b""
    for entry in entries:
        body = packed(entry.data, entry.method) if entry.packed_as is None else entry.packed_as
        size = len(entry.data) if entry.size is None else entry.size
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        local_size = size if entry.local_size is None else entry.local_size
        local_name = entry.name if entry.local_name is None else entry.local_name
        place = len(out) if entry.at is None else entry.at
        both = (entry.flags, entry.method, 0, 33)
        out += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *both, crc, len(body), local_size, len(local_name), 0)
        out += local_name + body
        numbers = (0x0314, 20, *both, crc, len(body), size, len(entry.name), len(entry.extra), 0, 0, 0)
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", *numbers, entry.mode << 16, place)
        directory += entry.name + entry.extra
    said = len(entries) if count is None else count
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, said, said, len(directory), len(out) + offset, len(comment))
    return out + directory + end + comment


def noise(size: int) -> bytes:
    """Bytes that do not shrink."""
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8).tobytes()


def without(name: bytes, *more: Entry) -> bytes:
    """A right archive that lacks one entry and has others."""
    return archive([entry for entry in right() if entry.name != name] + list(more))


def refusals(data: bytes) -> list[Refusal]:
    """What an archive is refused for; empty where it is taken."""
    try:
        read(data, IDS)
    except Refused as refused:
        return list(refused.refusals)
    return []
