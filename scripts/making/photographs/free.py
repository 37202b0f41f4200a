"""Fourteen photographs under Creative Commons licences, from packages of wallpapers that Debian has.

Fetch the packages (`apt-get download lomiri-wallpapers-16.04 lomiri-wallpapers-20.04`, version 20.04.0-2; or from
Debian's archive by hand) and unpack each: `dpkg -x FILE .cache/wallpapers`. Their files named `copyright` hold the
licences. What is learnt from them may be shipped; the pictures are not.
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.images import files as image_files
from scripts import ROOT

CACHE = ROOT / ".cache"
PACKAGES, SHRUNK = CACHE / "wallpapers", CACHE / "photographs"
SIDE = 512  # the shorter side, after shrinking: what compression and sharpening left in the files is gone then
LICENCE = "CC BY 4.0, CC BY-SA 3.0, CC BY-SA 4.0 and CC0, as the packages state for each"
SUMS = {  # file name -> the first 16 digits of its SHA-256
    "Bridge_by_Sander_Klootwijk.jpg": "bd86b081f9975e2b",
    "Dragonfly_by_Bolly.jpg": "af5af17841009732",
    "Kleiber_by_Lukas_Baubkus.jpg": "6572410c09f4492c",
    "Picture_0B_by_freespace.jpg": "c8c0ab18e48d9e04",
    "Picture_1A_by_freespace.jpg": "89e86af38d04daae",
    "Wine_by_Jakkub_Mede.jpg": "d2e96e6d4da40dd8",
    "aitzgorri_by_Aitzol_Berasategi.jpg": "66268e7b48f8854d",
    "free_by_Peter_Nerlich.jpg": "85a5453c2fed514c",
    "friends_by_Aitzol_Berasategi.jpg": "cc40e313c74e421e",
    "greentock_by_Peter_Nerlich.jpg": "e7b20e2db9dcd6e2",
    "life_by_Aitzol_Berasategi.jpg": "4c119350ead80201",
    "picosdeeuropa_by_Aitzol_Berasategi.jpg": "414d0072b2f6f2c5",
    "seeding_by_Clements_Engelhardt.jpg": "a5634d1ab5e41a35",
    "sunset_by_Aitzol_Berasategi.jpg": "474dab6a4b9f94dc",
}


def free_photographs() -> dict[str, torch.Tensor]:
    """Name -> `(1, 3, H, W)` in [0, 1], the shorter side 512; shrunk once and kept beside the packages."""
    return {Path(name).stem: image_files.load(_shrunk(name)) for name in SUMS}


def _shrunk(name: str) -> Path:
    target = SHRUNK / f"{Path(name).stem}.png"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(_original(name)) as picture:
            picture = picture.convert("RGB")
            scale = SIDE / min(picture.size)
            size = tuple(round(scale * n) for n in picture.size)
            picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0).save(raw := BytesIO(), "png")
        write_whole(target, raw.getvalue())
    return target


def _original(name: str) -> Path:
    found = sorted(PACKAGES.rglob(name))
    if not found:
        raise FileNotFoundError(f"{name} is not below {PACKAGES}: {__doc__.split(chr(10) * 2)[1]}")
    total = hashlib.sha256(found[0].read_bytes()).hexdigest()[:16]
    if total != SUMS[name]:
        raise ValueError(f"{found[0]} is another file than the one meant here: {total} in place of {SUMS[name]}")
    return found[0]
