"""The built book for tests that look at it: built first where it is missing or older than its sources."""

from __future__ import annotations

import subprocess
import sys

from scripts import ROOT
from scripts.book import build


def build_where_old() -> None:
    """Build the book unless its pages are those of the present sources. Raises where the build fails."""
    if not build.up_to_date(build.HERE):
        subprocess.run([sys.executable, "-m", "scripts.book"], cwd=ROOT, check=True, timeout=3600)
