"""Whether a file is a whole PDF, and how many pages it has, without drawing any."""

from __future__ import annotations

import re

from deeprestore_lab.teaching.submission.pdf_file import PdfFile
from deeprestore_lab.teaching.submission.pdf_syntax import PdfError, Reference

MOST_PAGES = 2_000
START = re.compile(rb"startxref\s+(\d{1,10})\s+%%EOF")


def page_count(data: bytes) -> int:
    """The number of pages: header, end, cross-references, the trailer's catalogue, and each page of its tree.

    Both kinds of cross-references are read, tables and streams, with the earlier ones they continue (ISO 32000-1,
    sections 7.5.4 to 7.5.8 and 7.7.3). Fonts, pictures and drawing commands are not looked at.

    Raises `PdfError` where the file is none, is cut short, is encrypted, or its pages are not all there.

    Taught in chapter 12_latent_autoencoder's project exercise.

    >>> page_count(b"a text")
    Traceback (most recent call last):
    ...
    deeprestore_lab.teaching.submission.pdf_syntax.PdfError: it does not start with %PDF
    """
    head = data.find(b"%PDF-", 0, 1024)
    if head < 0:
        raise PdfError("it does not start with %PDF")
    ends = START.findall(data, max(0, len(data) - 2048))
    if not ends:
        raise PdfError("its end is missing: is the file cut short?")
    try:
        return _counted(PdfFile(data[head:], int(ends[-1])))
    except PdfError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise PdfError("its objects do not fit together") from None


def _counted(file: PdfFile) -> int:
    if "Encrypt" in file.trailer:
        raise PdfError("it is encrypted")
    catalogue = file.get(file.trailer.get("Root"))
    if not isinstance(catalogue, dict) or "Pages" not in catalogue:
        raise PdfError("it has no catalogue of pages")
    return _pages(file, catalogue["Pages"])


def _pages(file: PdfFile, root: object) -> int:
    """Count the leaves of the page tree, each node once."""
    waiting, seen, count = [root], set(), 0
    while waiting:
        reference = waiting.pop()
        node = file.get(reference)
        if not isinstance(node, dict) or reference in seen:
            raise PdfError("a page is missing, or stands in its tree twice")
        seen.add(reference)
        kids = file.get(node.get("Kids")) if "Kids" in node else None
        count += kids is None
        if kids is not None and (not isinstance(kids, list) or not all(isinstance(kid, Reference) for kid in kids)):
            raise PdfError("its tree of pages is broken")
        waiting += kids or []
        if count > MOST_PAGES or len(waiting) > MOST_PAGES:
            raise PdfError(f"it has more than {MOST_PAGES} pages")
    return count
