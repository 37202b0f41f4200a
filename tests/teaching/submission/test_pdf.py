"""Pages counted in files of several writers, and files that are no whole PDF."""

from __future__ import annotations

import io
import random
import zlib

import pypdf
import pytest

from archives import a_pdf
from deeprestore_lab.teaching.submission import page_count
from deeprestore_lab.teaching.submission.pdf import MOST_PAGES, PdfError


@pytest.mark.parametrize("pages", [1, 3, 40])
def test_one_written_by_hand(pages):
    assert page_count(a_pdf(pages)) == pages
    assert page_count(b"junk before\n" + a_pdf(pages)) == pages


def test_matplotlib_and_pillow():
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure
    from PIL import Image

    theirs = io.BytesIO()
    with PdfPages(theirs) as file:
        for _ in range(3):
            file.savefig(Figure(figsize=(1, 1)))
    assert page_count(theirs.getvalue()) == 3
    theirs, picture = io.BytesIO(), Image.new("L", (4, 4))
    picture.save(theirs, "pdf", save_all=True, append_images=[picture] * 4)
    assert page_count(theirs.getvalue()) == 5


def test_typst():
    typst = pytest.importorskip("typst")
    assert page_count(typst.compile(b"= One\n#pagebreak()\nTwo", format="pdf")) == 2


def compressed(*, predictor: bool, width: int = 4) -> bytes:
    """Objects in a stream, cross-references in another (ISO 32000-1, 7.5.7 and 7.5.8), as LaTeX and Word write them."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>"] + [b"<</Type/Page>>"] * 2
    body, header = b"", []
    for number, text in enumerate(objects, start=1):
        header.append(f"{number} {len(body)}")
        body += text + b" "
    first = " ".join(header).encode() + b"\n"
    packed = zlib.compress(first + body)
    data = b"%PDF-1.5\n"
    at = len(data)
    said = f"5 0 obj\n<</Type/ObjStm/N 4/First {len(first)}/Filter/FlateDecode/Length {len(packed)}>>stream\n"
    data += said.encode() + packed + b"\nendstream\nendobj\n"
    places = [(0, 0, 255), *((2, 5, index) for index in range(4)), (1, at, 0), (1, len(data), 0)]
    rows = [bytes([kind]) + where.to_bytes(width, "big") + bytes([last]) for kind, where, last in places]
    parameters = ""
    if predictor:
        above, up = bytes(width + 2), []
        for row in rows:
            up.append(b"\2" + bytes((a - b) & 255 for a, b in zip(row, above, strict=True)))
            above = row
        rows, parameters = up, f"/DecodeParms<</Predictor 12/Columns {width + 2}>>"
    table, start = zlib.compress(b"".join(rows)), len(data)
    said = (
        f"6 0 obj\n<</Type/XRef/Size 7/Root 1 0 R/W[1 {width} 1]/Filter/FlateDecode{parameters}/Length {len(table)}>>"
    )
    data += said.encode() + b"stream\n" + table + b"\nendstream\nendobj\n"
    return data + f"startxref\n{start}\n%%EOF".encode()


@pytest.mark.parametrize("predictor", [False, True])
def test_compressed_objects_and_cross_references(predictor):
    assert page_count(compressed(predictor=predictor)) == 2


def test_a_later_version_of_a_file_is_the_one_that_counts():
    """An update appends objects and a table that continues the first one."""
    first = a_pdf(3)
    at, earlier = len(first), first.rindex(b"xref\n0")
    update = b"2 0 obj\n<</Type/Pages/Count 1/Kids[3 0 R]>>\nendobj\n"
    table = f"xref\n2 1\n{at:010} 00000 n \ntrailer\n<</Size 6/Root 1 0 R/Prev {earlier}>>\n".encode()
    end = f"startxref\n{at + len(update)}\n%%EOF".encode()
    assert page_count(first + update + table + end) == 1


UNFIT = "do not fit together"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a text", "start"),
        (a_pdf()[:-20], "cut short"),
        (a_pdf().replace(b"Root 1 0 R", b"Root 1 0 R/Encrypt 1 0 R"), "encrypted"),
        (a_pdf().replace(b"Root 1", b"Root 7"), UNFIT),
        (a_pdf().replace(b"/Pages 2 0 R", b""), UNFIT),
        (a_pdf().replace(b"[3 0 R]", b"[2 0 R]"), UNFIT),
        (a_pdf(2).replace(b"[3 0 R 4 0 R]", b"[3 0 R 3 0 R]"), "twice"),
        (a_pdf().replace(b"[3 0 R]", b"[9 0 R]"), UNFIT),
        (a_pdf(2).replace(b"[3 0 R 4 0 R]", b"[3 0 R 4 0]  "), "says 2 and has 1"),
        (a_pdf().replace(b"trailer", b"TRAILER"), UNFIT),
        (a_pdf().replace(b"3 0 obj", b"4 0 obj"), UNFIT),
        (b"%PDF-1.4\nstartxref\n0\n%%EOF", UNFIT),
        (b"%PDF-1.4\nxref\ntrailer\n<</Prev 9>>\nstartxref\n9\n%%EOF", UNFIT),
        (a_pdf(MOST_PAGES + 1), "more than 2000 pages"),
    ],
)
def test_what_is_wrong_is_said(data, said):
    with pytest.raises(PdfError, match=said):
        page_count(data)


def test_one_that_is_really_encrypted():
    writer, out = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(width=9, height=9)
    writer.encrypt("", "owner", algorithm="RC4-128")  # a reader needs no password: it is refused all the same
    writer.write(out)
    with pytest.raises(PdfError, match="encrypted"):
        page_count(out.getvalue())


@pytest.mark.parametrize("seed", range(4))
def test_damage_raises_no_other_error(seed):
    chance = random.Random(seed)
    for whole in (a_pdf(3), compressed(predictor=True)):
        for _ in range(500):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.choice(b"0123456789<>[]()/ \n" + bytes(range(256)))
            try:
                assert 0 <= page_count(bytes(data)) <= 2000
            except PdfError:
                pass
