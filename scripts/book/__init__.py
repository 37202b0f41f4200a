"""The build of the book: places and hashes, chapters that run, pages that are checked; and checks of notebooks."""
