"""What is wrong with a submission, by name."""

import unicodedata
from typing import NamedTuple


class Refusal(NamedTuple):
    """One thing that is wrong: its name, the member of the archive or the part it is about, and a sentence.

    The name is one of a few short phrases that stay the same ("climbing path", "nested archive"), so that a
    course's own scripts can count them.

    >>> print(Refusal("climbing path", "../main.py", "its path leaves the folder"))
    climbing path: '../main.py': its path leaves the folder
    """

    name: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {quoted(self.where)}: {self.text}"


class Refused(ValueError):  # noqa: N818, the word of the commands
    """A submission cannot be read, built or run; `refusals` says why."""

    def __init__(self, *refusals: Refusal):
        super().__init__("\n".join(map(str, refusals)))
        self.refusals = list(refusals)


def printable(text: str) -> str:
    """Text with what could steer a terminal or hide letters written as escapes; line ends and tabs stay.

    >>> printable("plain\\x1b[2Jtext\\u202e")
    'plain\\\\x1b[2Jtext\\\\u202e'
    """
    return "".join(
        c if c in "\n\t" or unicodedata.category(c)[0] != "C" else c.encode("unicode_escape").decode() for c in text
    )


def quoted(text: str, *, length: int = 120) -> str:
    """A name from an archive between quotes, on one line, safe to print, and not longer than `length`."""
    short = text if len(text) <= length else text[:length] + "..."
    return "'" + printable(short).replace("\n", "\\n").replace("\t", "\\t") + "'"
