"""Make the shipped records again, all or those named: `make records`, `make records NAME=...`."""

from __future__ import annotations

import sys
from pathlib import Path

import makers

if __name__ == "__main__":
    sys.exit(makers.run(Path(__file__).parent / "records", sys.argv[1:], kind="records"))
