"""The central directory of a zip file, read by ourselves and without trust.

Python's `zipfile` takes an archive's word for sizes and counts, and allows members that lie over each other. Here
every number is held against the file before anything is unpacked. The format: PKWARE, APPNOTE.TXT 6.3.10, sections
4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end, also of the Zip64 kind) and 4.5.3 (sizes
of the Zip64 kind, which some programs write for small archives too).
"""

import stat
import struct
from dataclasses import dataclass

from deeprestore_lab.teaching.submission.refusals import Refusal, Refused

END, CENTRAL, LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
END64, LOCATOR = b"PK\x06\x06", b"PK\x06\x07"
END64_FIELDS, LOCATOR_FIELDS = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
END_FIELDS, CENTRAL_FIELDS = struct.Struct("<4s4H2LH"), struct.Struct("<4s6H3L5H2L")
LOCAL_FIELDS = struct.Struct("<4s5H3L2H")
MOST_MEMBERS, LARGEST_ARCHIVE = 1000, 100_000_000
STORED, DEFLATED = 0, 8
FULL, WIDE_FIELD = 0xFFFFFFFF, 0x0001  # "it stands in the field of the Zip64 kind"
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
    last = at
    if 0xFFFF in (here, count) or FULL in (size, offset) or data[max(0, at - LOCATOR_FIELDS.size) :][:4] == LOCATOR:
        disk, first_disk, here, count, size, offset, last = _end_64(
            data, at, (disk, first_disk, here, count, size, offset)
        )
    if disk or first_disk or here != count:
        raise Refused(Refusal("broken zip file", "archive", "it is one part of several"))
    if count > MOST_MEMBERS:
        raise Refused(Refusal("too many members", "archive", f"it says {count}; {MOST_MEMBERS} are allowed"))
    if at + END_FIELDS.size + comment != len(data):
        raise Refused(Refusal("truncated", "archive", "its end is not where the directory says"))
    if offset + size != last:
        raise Refused(Refusal("broken zip file", "archive", "its directory is not where it says, or bytes were added"))
    return offset, count, last


def _end_64(data: bytes, at: int, said: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers of an end of the Zip64 kind, and where it starts; each must be what the plain end says, or fills."""
    wrong = Refused(Refusal("broken zip file", "archive", "its end of the Zip64 kind does not fit: pack it anew"))
    before = at - LOCATOR_FIELDS.size
    if before < 0 or data[before : before + 4] != LOCATOR:
        raise wrong
    _, _, place, disks = LOCATOR_FIELDS.unpack_from(data, before)
    if disks > 1 or place + END64_FIELDS.size > before or data[place : place + 4] != END64:
        raise wrong
    _, length, _, _, *numbers = END64_FIELDS.unpack_from(data, place)
    largest = (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, FULL, FULL)
    honest = all(b in (a, most) for a, b, most in zip(numbers, said, largest, strict=True))
    if place + 12 + length != before or not honest:
        raise wrong
    return (*numbers, place)


def _member(data: bytes, fields: tuple, raw: bytes, extra: bytes, first: int) -> Member:
    flags, method = fields[3], fields[4]
    crc, mode = fields[7], fields[15] >> 16
    name = _name(raw)
    wide = _wide(extra, (fields[9], fields[8], fields[16]))
    if wide is None:
        raise Refused(Refusal("lying header", name, "its sizes of the Zip64 kind are not there"))
    size, packed, header = wide
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
    local_extra = data[start - local[10] : start]
    if not local[2] & 8 and (local[6], _wide(local_extra, (local[8], local[7]))) != (crc, (size, packed)):
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


def _wide(extra: bytes, numbers: tuple[int, ...]) -> tuple[int, ...] | None:
    """Numbers of a header, those that are full taken from its field of the Zip64 kind, in its order; None without."""
    if FULL not in numbers:
        return numbers
    values = _fields(extra).get(WIDE_FIELD, b"")
    if len(values) < 8 * numbers.count(FULL):
        return None
    rest = iter(struct.unpack_from(f"<{numbers.count(FULL)}Q", values))
    return tuple(next(rest) if number == FULL else number for number in numbers)


def _kinds(extra: bytes) -> set[int]:
    """The kinds of extra fields."""
    return set(_fields(extra))


def _fields(extra: bytes) -> dict[int, bytes]:
    """The extra fields by their kinds."""
    found, offset = {}, 0
    while offset + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, offset)
        found.setdefault(kind, extra[offset + 4 : offset + 4 + size])
        offset += 4 + size
    return found
