"""Objects of a PDF file: dictionaries, arrays, names, numbers, references (ISO 32000-1, section 7.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

TOKEN = re.compile(
    rb"(?:[\0\t\n\f\r ]|%[^\r\n]*)*+"
    rb"(<<|>>|\[|\]|/[^\0\t\n\f\r ()<>\[\]{}/%]*|<[0-9A-Fa-f\0\t\n\f\r ]*>|\(|[^\0\t\n\f\r ()<>\[\]{}/%]+)"
)
DEEPEST = 50


class PdfError(ValueError):
    """A file is no whole PDF; the message says where it breaks."""


class Reference(NamedTuple):
    """`number generation R`: an object that stands elsewhere."""

    number: int
    generation: int


class Name(str):
    """A name, without its slash."""


def parse(data: bytes, at: int, *, deep: int = 0) -> tuple[object, int]:
    """The object at a place, and where it ends. Strings come back as bytes, of which we read none.

    Raises `PdfError` where there is no object, or one nested deeper than any writer makes it.

    >>> parse(b"<</Size 12/Root 4 0 R>>", 0)[0]
    {'Size': 12, 'Root': Reference(number=4, generation=0)}
    """
    token, end = _token(data, at)
    if deep > DEEPEST:
        raise PdfError("objects are nested too deeply")
    if token == b"<<":
        return _dictionary(data, end, deep)
    if token == b"[":
        found = []
        while _token(data, end)[0] != b"]":
            each, end = parse(data, end, deep=deep + 1)
            found.append(each)
        return found, _token(data, end)[1]
    if token == b"(":
        return _string(data, end)
    if token[:1] == b"/":
        return Name(token[1:].decode("latin-1")), end
    if token[:1] == b"<":
        return token, end
    return _number(data, token, end)


def _token(data: bytes, at: int) -> tuple[bytes, int]:
    match = TOKEN.match(data, at)
    if match is None:
        raise PdfError(f"nothing that a PDF may have stands at byte {at}")
    return match.group(1), match.end()


def _dictionary(data: bytes, end: int, deep: int) -> tuple[dict, int]:
    found: dict = {}
    while True:
        token, after = _token(data, end)
        if token == b">>":
            return found, after
        if token[:1] != b"/":
            raise PdfError(f"a dictionary has no name at byte {end}")
        found[token[1:].decode("latin-1")], end = parse(data, after, deep=deep + 1)


def _string(data: bytes, end: int) -> tuple[bytes, int]:
    """A string in parentheses, which may hold others and escapes."""
    start, open_ = end, 1
    for match in re.compile(rb"\\.|[()]", re.DOTALL).finditer(data, end):
        open_ += {b"(": 1, b")": -1}.get(match.group(), 0)
        if open_ == 0:
            return data[start : match.start()], match.end()
    raise PdfError(f"the string at byte {start} has no end")


def _number(data: bytes, token: bytes, end: int) -> tuple[object, int]:
    words = {b"true": True, b"false": False, b"null": None}
    if token in words:
        return words[token], end
    if re.fullmatch(rb"\d{1,10}", token):
        if match := re.compile(rb"[\0\t\n\f\r ]+(\d{1,5})[\0\t\n\f\r ]+R(?![A-Za-z0-9])").match(data, end):
            return Reference(int(token), int(match.group(1))), match.end()
        return int(token), end
    if re.fullmatch(rb"[+-]?(\d{1,20}\.?\d{0,20}|\.\d{1,20})", token):
        return float(token), end
    raise PdfError(f"{token[:20]!r} is no object")
