"""What the project is made with. Run from its root: `python -m scripts.book`, or by the targets of the Makefile.

- `environment` makes `.venv` and pins what goes into it; the standard library alone.
- `book` runs the chapters, builds the pages, and checks notebooks.
- `making` makes what is shipped: its command, and what the makers share.
- `records` and `weights` hold the makers, one module with a `main()` for each artifact.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
