"""The widgets' scripts, so that sliders work in a page that is opened without a network."""

from __future__ import annotations

from pathlib import PurePosixPath

from scripts.book.npm import unpack
from scripts.book.places import Places


def offline_widgets(places: Places) -> bool:
    """Put the widget scripts into `book/extra`, fetched with npm at the pinned version; whether they are there."""
    target = places.book / "extra" / "_static" / "widgets"
    if problem := unpack(places.book / "offline.json", target, chosen=_chosen):
        print(f"{problem}: the pages load the widget scripts from a public server and slide only with a network.")
    return not problem


def _chosen(path: PurePosixPath) -> str | None:
    fits = path.parent.as_posix() == "dist" and (path.name == "embed.js" or path.suffix == ".woff2")
    return path.name if fits else None
