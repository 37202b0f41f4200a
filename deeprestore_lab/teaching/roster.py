"""The list of a course's students: their IDs, and their names where the list has them."""

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

ID_COLUMNS = ("id", "student id", "student", "student number", "user id", "username", "user name", "login", "email")
NAME_COLUMNS = ("name", "full name", "student name")
PARTS = (("first name", "last name"), ("given name", "surname"), ("forename", "surname"), ("first name", "surname"))
FORMAT = (
    "A roster is a CSV file whose first line names its columns, `id,name`, then one student a line, "
    "`12345678,Ada Lovelace`; or a text file with an ID first in each line."
)
PLAIN = re.compile(r"[\w.@-]{2,64}")


class RosterError(ValueError):
    """A roster cannot be read; the message says which format it should have."""


def read_roster(path: Path) -> dict[str, str]:
    """The students' names by their IDs, in the order of the file; a name is empty where the file has none.

    Columns are found by their headings ("id", "name", also "first name" and "last name"), between commas, semicolons or
    tabs. Raises `RosterError` with the format where no column is known, an ID stands there twice, or there is none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RosterError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise RosterError(f"{path.name} is not UTF-8: save it as `CSV UTF-8`. {FORMAT}") from None
    first = text.split("\n", 1)[0]
    comma = max(";\t,", key=first.count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=comma)]
    found: dict[str, str] = {}
    for each, name in _students([row for row in rows if any(row)], path.name):
        if not PLAIN.fullmatch(each):
            raise RosterError(f"{path.name}: {each!r} is no ID: letters, digits, `.`, `-`, `_` and `@`. {FORMAT}")
        if each in found:
            raise RosterError(f"{path.name}: the ID {each} stands there twice")
        found[each] = name
    if not found:
        raise RosterError(f"{path.name} names no student. {FORMAT}")
    return found


def _students(rows: Sequence[Sequence[str]], file: str) -> list[tuple[str, str]]:
    """Pairs of an ID and a name."""
    if not rows:
        return []
    heads = {_heading(cell): place for place, cell in reversed(list(enumerate(rows[0])))}
    if (ids := next((heads[name] for name in ID_COLUMNS if name in heads), None)) is not None:
        names = next(([heads[name]] for name in NAME_COLUMNS if name in heads), None)
        names = names or next(([heads[a], heads[b]] for a, b in PARTS if a in heads and b in heads), [])
        filled = [row for row in rows[1:] if ids < len(row) and row[ids]]
        return [(row[ids], " ".join(row[place] for place in names if place < len(row))) for row in filled]
    starts = [re.split(r"\s", row[0], maxsplit=1) for row in rows]
    digits = [any(letter.isdigit() for letter in start[0]) for start in starts]
    if not all(digits) and (any(digits) or any(len(row) > 1 for row in rows)):
        raise RosterError(f"{file}: no column named `id`, but {', '.join(rows[0])}. {FORMAT}")
    rest = [" ".join([*start[1:], *row[1:]]).strip() for start, row in zip(starts, rows, strict=True)]
    return [(start[0], name) for start, name in zip(starts, rest, strict=True)]


def _heading(cell: str) -> str:
    return re.sub(r"[\W_]+", " ", cell.casefold()).strip()


def words(text: str) -> list[str]:
    """The words of a name or of a path: letters and digits alone, without accents, in small letters.

    >>> words("Müller_Zoë (1).ipynb")
    ['muller', 'zoe', '1', 'ipynb']
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain.casefold())


def students_in(path: str, roster: Mapping[str, str]) -> list[str]:
    """The IDs of the students whom a path may mean, by ID or by name: one, or several where that is not clear.

    A name counts where all of its words stand in one part of the path, in any order, or joined in one word, as
    learning platforms write them ("lovelaceada_123_10_map.ipynb"). "Ada Mary Lovelace" is not "Ada Lovelace" too.

    >>> students_in("Ada Lovelace_77_assignment/10_map.ipynb", {"a1": "Ada Lovelace", "b2": "Ben Li"})
    ['a1']
    """
    parts = [words(part) for part in path.split("/")]
    by_id = [each for each in roster if any(_contains(part, words(each)) for part in parts)]
    named = {each: words(name) for each, name in roster.items() if words(name)}
    by_name = [each for each, name in named.items() if any(_names(part, name) for part in parts)]
    longest = [each for each in by_name if not any(set(named[each]) < set(named[other]) for other in by_name)]
    if len(by_id) == 1 and (by_id[0] in longest or not longest):
        return by_id
    return list(dict.fromkeys([*by_id, *longest]))


def _contains(part: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return any(list(part[place : place + size]) == list(wanted) for place in range(len(part) - size + 1))


def _names(part: Sequence[str], name: Sequence[str]) -> bool:
    turned = ["".join([*name[place:], *name[:place]]) for place in range(len(name))]
    return set(name) <= set(part) or any(each in part for each in turned)
