"""`python -m scripts.making records|weights [NAME ...]`: make shipped artifacts again, all or those named."""

import sys

from scripts.making.makers import main

if __name__ == "__main__":
    sys.exit(main())
