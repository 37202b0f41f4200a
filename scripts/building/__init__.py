"""The parts of `scripts/build_book.py`: places and hashes, chapters that run, pages that are checked."""
