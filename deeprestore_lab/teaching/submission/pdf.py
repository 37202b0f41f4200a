"""Whether a file is a whole PDF, and how many pages it has, without drawing any."""

import io
import re

MOST_PAGES = 2_000


class PdfError(ValueError):
    """A file is no whole PDF; the message says where it breaks."""


def page_count(data: bytes) -> int:
    """The number of pages, each found in the file's tree of pages (`pypdf` reads it).

    Fonts, pictures and drawing commands are not looked at.

    Raises `PdfError` where the file is none, is cut short, is encrypted, or its pages are not all there.

    Taught in chapter 12_latent_autoencoder's project exercise.

    >>> page_count(b"a text")
    Traceback (most recent call last):
    ...
    deeprestore_lab.teaching.submission.pdf.PdfError: it does not start with %PDF
    """
    import pypdf

    head = data.find(b"%PDF-", 0, 1024)
    if head < 0:
        raise PdfError("it does not start with %PDF")
    if not re.search(rb"startxref\s+\d{1,10}\s+%%EOF", data[-2048:]):
        raise PdfError("its end is missing: is the file cut short?")
    try:
        reader = pypdf.PdfReader(io.BytesIO(data[head:]), strict=True)
        pages = [] if reader.is_encrypted else [page.indirect_reference for page in reader.pages]
        said = len(pages) if reader.is_encrypted else reader.root_object["/Pages"]["/Count"]
    except NotImplementedError:  # of an encryption that it does not know
        raise PdfError("it is encrypted") from None
    except Exception as error:  # bytes that nobody trusts: whatever a reader raises means the same
        raise PdfError(f"its objects do not fit together ({error})") from None
    if reader.is_encrypted:
        raise PdfError("it is encrypted")
    if said != len(pages):  # pypdf passes over what is no page
        raise PdfError(f"its tree of pages says {said} and has {len(pages)}")
    if len(set(pages)) < len(pages):
        raise PdfError("a page stands in its tree twice")
    if len(pages) > MOST_PAGES:
        raise PdfError(f"it has more than {MOST_PAGES} pages")
    return len(pages)
