"""Vincent van Gogh's "Village Street in Auvers" (1890) as the project ships it.

The children's program GCompris has the painting as a puzzle of six pieces, 600 x 470 pixels in all, after the
reproduction of the WebMuseum. Its resource file is in Debian's package gcompris-qt-data (3.1-2); the place of another
copy can be named by the variable GCOMPRIS_PAINTINGS. The pieces are WebP files, found by their sums.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from pathlib import Path

from PIL import Image

from deeprestore_lab.core.artifacts import save_record

PLACE = Path("/usr/share/gcompris-qt/rcc/paintings.rcc")
PIECES = [  # row by row; the first digits of the SHA-256 of each file
    "81f84ce20f314861",
    "c4518c2389a6c572",
    "1aefb708e7c36a0e",
    "8cdc157e260d5d18",
    "4bcb1e64c44022b7",
    "b8ab1e32b422995c",
]
PIECE = (200, 235)
SETTINGS = {
    "title": "Village Street in Auvers",
    "painter": "Vincent van Gogh (1853 to 1890)",
    "year": 1890,
    "owner": "Ateneum, Finnish National Gallery, Helsinki",
    "pixels": [600, 470],
}


def web_pictures(data: bytes) -> dict[str, bytes]:
    """The WebP files inside `data`, by the first digits of their sums."""
    found = {}
    for start in re.finditer(rb"RIFF....WEBP", data, re.DOTALL):
        at = start.start()
        file = data[at : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")]
        found[hashlib.sha256(file).hexdigest()[:16]] = file
    return found


def assembled(pieces: list[bytes]) -> bytes:
    """Six pieces, row by row, as one WebP file."""
    width, height = PIECE
    whole = Image.new("RGB", (3 * width, 2 * height))
    for place, piece in enumerate(pieces):
        whole.paste(Image.open(io.BytesIO(piece)).convert("RGB"), (place % 3 * width, place // 3 * height))
    written = io.BytesIO()
    whole.save(written, "WEBP", quality=88, method=6)
    return written.getvalue()


def main() -> None:
    """Put the pieces together and write the record."""
    place = Path(os.environ.get("GCOMPRIS_PAINTINGS", PLACE))
    if not place.is_file():
        raise FileNotFoundError(f"{place} is missing: install gcompris-qt-data, or name a copy in GCOMPRIS_PAINTINGS")
    found = web_pictures(place.read_bytes())
    if missing := [digits for digits in PIECES if digits not in found]:
        raise ValueError(f"{place} lacks {len(missing)} of the {len(PIECES)} pieces, another version of the puzzle?")
    picture = assembled([found[digits] for digits in PIECES])
    save_record(
        "painting",
        SETTINGS,
        command="make records NAME=painting",
        data="Vincent van Gogh, Village Street in Auvers (1890): the WebMuseum's reproduction, by way of GCompris 3.1",
        licence="public domain: the painter died in 1890, and a faithful photograph of a flat work adds no right of "
        "its own; GCompris marks its file GPL-3.0-or-later",
        seeds=[],
        metric=f"600 x 470 pixels in {len(picture) / 1e6:.2f} MB",
        pictures={"auvers.webp": picture},
    )
