"""Printing on any terminal: what its encoding lacks is written as an escape."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    r"""Print a line. Characters that standard output cannot encode become escapes such as `\u03c3`, never an error.

    Windows consoles and old locales know few of the letters and signs of the field.

    >>> say("sigma = 25/255")
    sigma = 25/255
    """
    try:
        print(text)
    except UnicodeEncodeError:  # raised before anything is written
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, errors="backslashreplace").decode(encoding))
