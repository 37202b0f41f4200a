"""A PDF file's objects, found through its cross-references."""

from __future__ import annotations

import re
import zlib

from deeprestore_lab.teaching.submission.pdf_syntax import PdfError, Reference, parse

LARGEST_STREAM, MOST_OBJECTS, MOST_TABLES = 20_000_000, 200_000, 500


class PdfFile:
    """Objects by their number, found through the cross-references. Raises `PdfError` for a file that is damaged."""

    def __init__(self, data: bytes, start: int):
        self.data, self.places, self.unpacked = data, {}, {}
        self.trailer: dict = {}
        waiting, seen = [start], set()
        while waiting:
            at = waiting.pop(0)
            if at in seen or not 0 < at < len(data) or len(seen) > MOST_TABLES:
                raise PdfError("its cross-references lead nowhere")
            seen.add(at)
            trailer = self._table(at) if re.compile(rb"\s*xref").match(data, at) else self._stream_of_places(at)
            for key, value in trailer.items():
                self.trailer.setdefault(key, value)
            waiting += [each for key in ("XRefStm", "Prev") if isinstance(each := trailer.get(key), int)]

    def get(self, value: object) -> object:
        """The object behind a reference, or the value itself."""
        for _ in range(20):
            if not isinstance(value, Reference):
                return value
            place = self.places.get(value.number)
            if place is None:
                return None
            value = self._in_stream(value.number, *place[1:]) if place[0] == 2 else self._at(place[1], value.number)[0]
        raise PdfError("references lead in a circle")

    def _at(self, at: int, number: int | None = None) -> tuple[object, int]:
        match = re.compile(rb"\s*(\d{1,10})\s+\d{1,5}\s+obj").match(self.data, at)
        if match is None or number not in (None, int(match.group(1))):
            raise PdfError(f"object {number} is not where the cross-references say")
        return parse(self.data, match.end())

    def _place(self, number: int, place: tuple[int, int, int]) -> None:
        self.places.setdefault(number, place)
        if len(self.places) > MOST_OBJECTS:
            raise PdfError(f"it has more than {MOST_OBJECTS} objects")

    def _table(self, at: int) -> dict:
        at = re.compile(rb"\s*xref\s*").match(self.data, at).end()
        section, entry = re.compile(rb"(\d{1,10})\s+(\d{1,10})\s*"), re.compile(rb"(\d{10}) (\d{5}) ([nf])\s*")
        while match := section.match(self.data, at):
            at, first = match.end(), int(match.group(1))
            for number in range(first, first + int(match.group(2))):
                row = entry.match(self.data, at)
                if row is None:
                    raise PdfError("its table of cross-references is broken")
                at = row.end()
                if row.group(3) == b"n":
                    self._place(number, (1, int(row.group(1)), 0))
        if self.data[at : at + 7] != b"trailer":
            raise PdfError("its trailer is missing")
        return _dictionary(parse(self.data, at + 7)[0])

    def _stream_of_places(self, at: int) -> dict:
        value, end = self._at(at)
        trailer = _dictionary(value)
        rows, widths = self._stream(trailer, end), trailer.get("W")
        if (
            not isinstance(widths, list)
            or len(widths) != 3
            or not all(w in range(9) for w in widths)
            or not sum(widths)
        ):
            raise PdfError("its stream of cross-references is broken")
        ranges = trailer.get("Index", [0, trailer.get("Size")])
        offset, step = 0, sum(widths)
        for first, count in zip(ranges[::2], ranges[1::2], strict=False):
            if not isinstance(first, int) or not isinstance(count, int):
                raise PdfError("its stream of cross-references is broken")
            for number in range(first, first + min(count, MOST_OBJECTS + 1)):
                row = rows[offset : offset + step]
                if len(row) < step:
                    raise PdfError("its stream of cross-references is cut short")
                offset, fields, begin = offset + step, [], 0
                for width in widths:
                    fields.append(int.from_bytes(row[begin : begin + width], "big"))
                    begin += width
                kind = fields[0] if widths[0] else 1
                if kind in (1, 2):
                    self._place(number, (kind, fields[1], fields[2]))
        return trailer

    def _in_stream(self, number: int, holder: int, index: int) -> object:
        if holder not in self.unpacked:
            place = self.places.get(holder)
            if place is None or place[0] != 1:
                raise PdfError(f"object {number} is nowhere")
            value, end = self._at(place[1], holder)
            self.unpacked[holder] = (_dictionary(value), self._stream(_dictionary(value), end))
        header, data = self.unpacked[holder]
        first, at = self.get(header.get("First")), 0
        if not isinstance(first, int):
            raise PdfError("a stream of objects is broken")
        numbers = data[:first].split()
        if 2 * index + 1 >= len(numbers) or numbers[2 * index] != str(number).encode():
            raise PdfError(f"object {number} is not where the cross-references say")
        at = first + int(numbers[2 * index + 1])
        return parse(data, at)[0]

    def _stream(self, header: dict, end: int) -> bytes:
        begin = re.compile(rb"\s*stream\r?\n").match(self.data, end)
        length = self.get(header.get("Length"))
        if begin is None or not isinstance(length, int) or begin.end() + length > len(self.data):
            raise PdfError("a stream is cut short")
        packed, kind = self.data[begin.end() : begin.end() + length], self.get(header.get("Filter"))
        kinds = kind if isinstance(kind, list) else [] if kind is None else [kind]
        if kinds not in ([], ["FlateDecode"]):
            raise PdfError(f"a stream of objects is packed by {kinds}")
        if not kinds:
            return packed
        try:
            data = zlib.decompressobj().decompress(packed, LARGEST_STREAM)
        except zlib.error:
            raise PdfError("a stream of objects cannot be unpacked") from None
        parameters = self.get(header.get("DecodeParms"))
        if isinstance(parameters, dict) and parameters.get("Predictor", 1) >= 10:
            return _without_predictor(data, parameters.get("Columns", 1))
        return data


def _dictionary(value: object) -> dict:
    if not isinstance(value, dict):
        raise PdfError("a dictionary is missing")
    return value


def _without_predictor(data: bytes, columns: int) -> bytes:
    """Undo PNG's "none" and "up", the predictors that writers use for cross-references."""
    above, out = bytes(columns), bytearray()
    for at in range(0, len(data), columns + 1):
        kind, row = data[at], data[at + 1 : at + 1 + columns]
        if kind not in (0, 2):
            raise PdfError("its cross-references use a rare predictor")
        above = bytes((a + b) & 255 for a, b in zip(row, above, strict=False)) if kind == 2 else row
        out += above
    return bytes(out)
