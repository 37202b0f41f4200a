"""What the members of an archive hold, unpacked in memory and never further than they say."""

import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath

from deeprestore_lab.teaching.submission.directory import DEFLATED, Member
from deeprestore_lab.teaching.submission.names import SUFFIXES, wrong_names
from deeprestore_lab.teaching.submission.refusals import Refusal, Refused

LARGEST_TOTAL, LARGEST_MEMBER = 200_000_000, 100_000_000
RATIO, FREE = 100, 5_000_000  # a picture of one colour shrinks a lot; a member this small may
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".whl", ".jar", ".npz", ".pt", ".pth"}
MAGIC = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf'\x1c",
    b"Rar!\x1a\x07",
    b"(\xb5/\xfd",
)


def wrong_members(found: Sequence[Member]) -> list[Refusal]:
    """What the directory alone gives away: headers, names, sizes and kinds of files. Nothing is unpacked.

    An archive may hold 100 MB in one member and 200 MB in all; a member of more than 5 MB may be a hundred times as
    large as its packed bytes ("bomb"). A file whose suffix says archive is a "nested archive", a file of a kind that
    no submission needs an "unexpected file".
    """
    said = [refusal for each in found for refusal in each.refusals]
    said += wrong_names([each.name for each in found])
    for each in found:
        if each.size > LARGEST_MEMBER:
            said.append(Refusal("bomb", each.name, f"it says {each.size} bytes; {LARGEST_MEMBER} are allowed"))
        elif each.size > max(FREE, RATIO * each.packed):
            said.append(Refusal("bomb", each.name, f"{each.packed} bytes would become {each.size}"))
        suffix = PurePosixPath(each.name).suffix.lower()
        if suffix in ARCHIVES:
            said.append(
                Refusal("nested archive", each.name, "put files into the archive, arrays as .npy or .safetensors")
            )
        elif not each.is_folder and suffix not in SUFFIXES:
            said.append(Refusal("unexpected file", each.name, "a submission has " + " ".join(sorted(SUFFIXES))))
    total = sum(each.size for each in found)
    if total > LARGEST_TOTAL:
        said.append(Refusal("bomb", "archive", f"its members say {total} bytes; {LARGEST_TOTAL} are allowed"))
    return said


def content(data: bytes, member: Member) -> bytes:
    """A member's bytes. At most its stated size and one byte more is ever unpacked.

    Raises `Refused` ("lying size", "broken member", "nested archive").
    """
    packed = data[member.start : member.start + member.packed]
    if member.method == DEFLATED:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            unpacked = stream.decompress(packed, member.size + 1)
        except zlib.error:
            raise Refused(Refusal("broken member", member.name, "it cannot be unpacked")) from None
        whole = stream.eof and not stream.unused_data
    else:
        unpacked, whole = packed, True
    if len(unpacked) != member.size or not whole:
        more = "more" if len(unpacked) > member.size else "not"
        raise Refused(Refusal("lying size", member.name, f"it says {member.size} bytes, and has {more}"))
    if zlib.crc32(unpacked) != member.crc:
        raise Refused(Refusal("broken member", member.name, "its check sum does not fit"))
    if unpacked.startswith(MAGIC) or unpacked[257:262] == b"ustar":
        raise Refused(Refusal("nested archive", member.name, "its first bytes are those of an archive"))
    return unpacked
