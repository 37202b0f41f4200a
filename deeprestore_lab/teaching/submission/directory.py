"""The central directory of a zip file, read by ourselves and without trust.

Python's `zipfile` takes an archive's word for sizes and counts, and allows members that lie over each other. Here
every number is held against the file before anything is unpacked. The format: PKWARE, APPNOTE.TXT 6.3.10, sections
4.3.7 (local header), 4.3.12 (central directory) and 4.3.16 (its end).
"""

import stat
import struct
from dataclasses import dataclass

from deeprestore_lab.teaching.submission.refusals import Refusal, Refused

END, CENTRAL, LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
END_FIELDS, CENTRAL_FIELDS = struct.Struct("<4s4H2LH"), struct.Struct("<4s6H3L5H2L")
LOCAL_FIELDS = struct.Struct("<4s5H3L2H")
MOST_MEMBERS, LARGEST_ARCHIVE = 1000, 100_000_000
STORED, DEFLATED = 0, 8
LINK_FIELDS, SECOND_NAME, ENCRYPTED_FIELDS = {0x000D, 0x756E}, 0x7075, {0x0017, 0x9901}


@dataclass(frozen=True)
class Member:
    """One entry: its name, its bytes `start` to `start + packed` in the archive, and its size and sum when unpacked."""

    name: str
    method: int
    packed: int
    size: int
    crc: int
    header: int
    start: int
    refusals: tuple[Refusal, ...]

    @property
    def is_folder(self) -> bool:
        """Whether it is an entry for a folder."""
        return self.name.endswith("/")


def members(data: bytes) -> list[Member]:
    """The entries of an archive, each with what is wrong with its header.

    Raises `Refused` ("no zip file", "truncated", "broken zip file", "too many members") where the list of entries
    cannot be trusted.
    """
    first, count, last = _end(data)
    offset = first
    found: list[Member] = []
    for _ in range(count):
        if data[offset : offset + 4] != CENTRAL or len(data) < offset + CENTRAL_FIELDS.size:
            raise Refused(Refusal("broken zip file", "directory", f"entry {len(found) + 1} of {count} is not there"))
        fields = CENTRAL_FIELDS.unpack_from(data, offset)
        name_at = offset + CENTRAL_FIELDS.size
        extra_at = name_at + fields[10]
        offset = extra_at + fields[11] + fields[12]
        found.append(_member(data, fields, data[name_at:extra_at], data[extra_at : extra_at + fields[11]], first))
    if offset != last:
        raise Refused(Refusal("broken zip file", "directory", f"it has more than the {count} entries it says"))
    spans = sorted((each.header, each.start + each.packed, each.name) for each in found)
    for (_, end, name), (begin, _, other) in zip(spans, spans[1:], strict=False):
        if begin < end:
            raise Refused(Refusal("broken zip file", other, f"it lies over {name!a} in the file"))
    if spans and spans[-1][1] > first:
        raise Refused(Refusal("broken zip file", spans[-1][2], "it lies over the directory"))
    return found


def _end(data: bytes) -> tuple[int, int, int]:
    """Where the central directory starts, how many entries it claims, and where it ends."""
    if len(data) > LARGEST_ARCHIVE:
        raise Refused(Refusal("too large", "archive", f"{len(data)} bytes; {LARGEST_ARCHIVE} are allowed"))
    at = data.rfind(END, max(0, len(data) - END_FIELDS.size - 65535))
    if at < 0 or len(data) < at + END_FIELDS.size:
        if data.startswith(LOCAL) or at >= 0:
            raise Refused(Refusal("truncated", "archive", "a zip file starts here, and its end is missing"))
        raise Refused(Refusal("no zip file", "archive", "it has no zip file's directory"))
    _, disk, first_disk, here, count, size, offset, comment = END_FIELDS.unpack_from(data, at)
    if 0xFFFF in (here, count) or 0xFFFFFFFF in (size, offset):
        raise Refused(Refusal("broken zip file", "archive", "its directory is of the Zip64 kind, for large archives"))
    if disk or first_disk or here != count:
        raise Refused(Refusal("broken zip file", "archive", "it is one part of several"))
    if count > MOST_MEMBERS:
        raise Refused(Refusal("too many members", "archive", f"it says {count}; {MOST_MEMBERS} are allowed"))
    if at + END_FIELDS.size + comment != len(data):
        raise Refused(Refusal("truncated", "archive", "its end is not where the directory says"))
    if offset + size != at:
        raise Refused(Refusal("broken zip file", "archive", "its directory is not where it says, or bytes were added"))
    return offset, count, at


def _member(data: bytes, fields: tuple, raw: bytes, extra: bytes, first: int) -> Member:
    flags, method = fields[3], fields[4]
    crc, packed, size, mode, header = fields[7], fields[8], fields[9], fields[15] >> 16, fields[16]
    name = _name(raw)
    if header + LOCAL_FIELDS.size > first or data[header : header + 4] != LOCAL:
        raise Refused(Refusal("broken zip file", name, "its header is not where the directory says"))
    local = LOCAL_FIELDS.unpack_from(data, header)
    start = header + LOCAL_FIELDS.size + local[9] + local[10]
    if start + packed > first:
        raise Refused(Refusal("broken zip file", name, f"it says {packed} bytes, and the file has fewer"))
    found = []
    if (flags | local[2]) & 0x2041 or method == 99 or local[3] == 99 or _kinds(extra) & ENCRYPTED_FIELDS:
        found.append(Refusal("encrypted member", name, "it needs a password"))
    elif method not in (STORED, DEFLATED) or method != local[3]:
        found.append(Refusal("broken zip file", name, f"compression {method} is not deflate, nor stored"))
    if data[header + LOCAL_FIELDS.size : header + LOCAL_FIELDS.size + local[9]] != raw:
        found.append(Refusal("lying header", name, "its own header has another name"))
    if not local[2] & 8 and local[6:9] != (crc, packed, size):
        found.append(Refusal("lying header", name, "its own header has other sizes or another sum than the directory"))
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK or _kinds(extra) & LINK_FIELDS:
        found.append(Refusal("link", name, "it is a link to another file"))
    elif kind not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG):
        found.append(Refusal("special file", name, "it is neither a file nor a folder"))
    if SECOND_NAME in _kinds(extra):
        found.append(Refusal("lying header", name, "it carries a second name"))
    if name.endswith("/") and (size or packed > 2):
        found.append(Refusal("lying header", name, "it is a folder, and has content"))
    return Member(name, method, packed, size, crc, header, start, tuple(found))


def _name(raw: bytes) -> str:
    """A name as UTF-8, whether its flag says so or not; a byte that is none becomes a lone surrogate, an odd name."""
    return raw.decode("utf-8", errors="surrogateescape")


def _kinds(extra: bytes) -> set[int]:
    """The kinds of extra fields."""
    found, offset = set(), 0
    while offset + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, offset)
        found.add(kind)
        offset += 4 + size
    return found
