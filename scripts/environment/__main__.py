"""`python3 -m scripts.environment [EXTRA ...]`: make or refresh `.venv`."""

import sys

from scripts.environment.setup import main

if __name__ == "__main__":
    sys.exit(main())
