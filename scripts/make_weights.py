"""Make the shipped weights again, all or those named: `make weights`, `make weights NAME=...`."""

from __future__ import annotations

import sys
from pathlib import Path

import makers

if __name__ == "__main__":
    sys.exit(makers.run(Path(__file__).parent / "weights", sys.argv[1:], kind="weights"))
