"""The README of a submission: who hands it in."""

import re
from collections.abc import Sequence

from deeprestore_lab.teaching.submission.names import README
from deeprestore_lab.teaching.submission.refusals import Refusal

START = r"^[ \t>#*_+-]*(?:\d{1,3}[.)][ \t*_]*)?"  # of a line, as Markdown may have it
LINE = re.compile(START + r"(name|id|user name)[ \t*_]*:[ \t*_]*([^\r\n]*?)[ \t*_]*\r?$", re.IGNORECASE | re.MULTILINE)
KEYS = ("name", "id", "user name")


def wrong_readme(text: str, ids: Sequence[str]) -> list[Refusal]:
    """What a README lacks: for each of two students a line `Name: ...`, `ID: ...` and `User name: ...`.

    The IDs must be those of the archive's name, in any order; words of the template in angle brackets count as missing.

    >>> print(*wrong_readme("Name: Ada\\nID: 1234\\nUser name: ada\\nID: 5678", ["1234", "5678"]), sep="\\n")
    missing part: 'README.md': it has 1 line `Name: ...`; two students need two
    missing part: 'README.md': it has 1 line `User name: ...`; two students need two
    """
    if "\0" in text:
        return [Refusal("broken part", README, "it is not UTF-8 text: save it as that")]
    found: dict[str, list[str]] = {key: [] for key in KEYS}
    gaps = 0
    for key, value in LINE.findall(text):
        if value and not re.fullmatch(r"<.*>|\.\.\.|TODO.*", value):
            found[key.lower()].append(value)
        else:
            gaps += 1
    if gaps and not any(found.values()):
        lines = "`Name:`, `ID:` and `User name:`"
        return [Refusal("missing part", README, f"the names are not filled in: write yours after {lines}, for both")]
    said = []
    for key in KEYS:
        label, count = {"id": "ID"}.get(key, key.capitalize()), len(found[key])
        if count != 2:
            lines = "1 line" if count == 1 else f"{count} lines"
            said.append(Refusal("missing part", README, f"it has {lines} `{label}: ...`; two students need two"))
    users = found["user name"]
    if len(users) == 2 and users[0].casefold() == users[1].casefold():  # two people may share a name
        said.append(Refusal("broken part", README, f"both students have the user name {users[0]!a}"))
    if len(found["id"]) == 2 and {each.casefold() for each in found["id"]} != {each.casefold() for each in ids}:
        theirs = " and ".join(map(ascii, found["id"]))
        said.append(Refusal("broken part", README, f"its IDs are {theirs}, the archive's {ids[0]} and {ids[1]}"))
    return said
