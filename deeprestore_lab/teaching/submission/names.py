"""Names of archives, of students, and of what lies in an archive."""

import re
import unicodedata
from collections.abc import Sequence

from deeprestore_lab.teaching.submission.refusals import Refusal, Refused

ID = re.compile(r"[A-Za-z0-9]{4,16}")
ID_WORDS = "4 to 16 letters a to z and digits"
ARCHIVE = re.compile(rf"ex3_({ID.pattern})_({ID.pattern})\.zip")
REPORT, README, MAIN = "ex3.pdf", "README.md", "main.py"
MOST_PAGES = 10  # of the report
OF_SYSTEMS = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")  # what systems put into an archive, and nobody wrote
SUFFIXES = frozenset(
    ".py .ipynb .md .txt .pdf .typ .bib .json .csv .toml .yml .yaml .png .jpg .jpeg .svg .npy .safetensors".split()
)
RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789\u00b9\u00b2\u00b3"
}
LONGEST_PART, LONGEST_NAME = 100, 200


def archive_name(ids: Sequence[str]) -> str:
    """The archive's name of a pair of students, `ex3_ID1_ID2.zip`.

    An ID is 4 to 16 letters a to z and digits. Raises `Refused` ("wrong ID") where one is not, or both are the same.

    >>> archive_name(["12345678", "87654321"])
    'ex3_12345678_87654321.zip'
    """
    wrong = [Refusal("wrong ID", each, f"an ID is {ID_WORDS}") for each in ids if not ID.fullmatch(each)]
    if len(ids) != 2:
        wrong.append(Refusal("wrong ID", " ".join(ids), f"two IDs are expected, {len(ids)} came"))
    elif ids[0].casefold() == ids[1].casefold():
        wrong.append(Refusal("wrong ID", ids[1], "both students have the same ID"))
    if wrong:
        raise Refused(*wrong)
    return f"ex3_{ids[0]}_{ids[1]}.zip"


def ids_of(name: str) -> tuple[str, str]:
    """The two IDs in an archive's name. Raises `Refused` ("wrong archive name", "wrong ID").

    >>> ids_of("ex3_12345678_87654321.zip")
    ('12345678', '87654321')
    """
    match = ARCHIVE.fullmatch(name)
    if match is None:
        said = f"it must be ex3_ID1_ID2.zip, where an ID is {ID_WORDS}"
        raise Refused(Refusal("wrong archive name", name, said))
    archive_name(match.groups())
    return match.group(1), match.group(2)


def wrong_names(names: Sequence[str]) -> list[Refusal]:
    """What is wrong with the paths in an archive: each by itself, and two that are one file on some system."""
    found = [refusal for name in names if (refusal := wrong_name(name)) is not None]
    kept: dict[str, str] = {}
    for name in names:
        key = same_file(name)
        if key in kept:
            same = f"on some systems it is the same file as {kept[key]!a}"
            said = "it is in the archive twice: build the archive anew" if name == kept[key] else same
            found.append(Refusal("duplicate name", name, said))
        kept.setdefault(key, name)
    files = {same_file(name): name for name in names if not name.endswith("/")}
    for name in names:
        parts = same_file(name).split("/")
        above = next((files[key] for end in range(1, len(parts)) if (key := "/".join(parts[:end])) in files), None)
        if above is not None:
            found.append(Refusal("duplicate name", name, f"{above!a} is a file and a folder at once"))
    return found


def is_of_systems(name: str) -> bool:
    """Whether a member is one that macOS or Windows adds by itself, and a check passes over.

    >>> [is_of_systems(name) for name in ("__MACOSX/._main.py", "code/.DS_Store", "main.py")]
    [True, True, False]
    """
    parts = name.rstrip("/").split("/")
    return parts[0] == OF_SYSTEMS[0] or parts[-1] in OF_SYSTEMS


def same_file(name: str) -> str:
    """What two names share where a file system takes them for the same: case and composed letters do not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).rstrip("/")


def wrong_name(name: str) -> Refusal | None:
    """What is wrong with one path in an archive, or None.

    >>> print(wrong_name("../main.py"), wrong_name("aux.py"), wrong_name("code/main.py"), sep="\\n")
    climbing path: '../main.py': its path leaves the folder it is unpacked to
    odd name: 'aux.py': Windows keeps the name aux for a device
    None
    """
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return Refusal("absolute path", name, "a path must start in the archive")
    parts = re.split(r"[/\\]", name.removesuffix("/"))
    if ".." in parts:
        return Refusal("climbing path", name, "its path leaves the folder it is unpacked to")
    if "\\" in name:
        return Refusal("odd name", name, "it has a backslash, which Windows takes for a folder")
    said = next((said for part in parts if (said := _odd(part))), None)
    if said is None and len(name) > LONGEST_NAME:
        said = f"it is longer than {LONGEST_NAME} letters"
    return None if said is None else Refusal("odd name", name, said)


def _odd(part: str) -> str | None:
    """What makes one part of a path unfit for some system, or None."""
    if part in ("", "."):
        return "one part of the path is empty or a dot"
    if any(unicodedata.category(letter)[0] == "C" for letter in part):
        return "it has a control character or one that is not shown"
    if bad := sorted(set(part) & set('<>:"|?*')):
        return f"it has {bad[0]}, which Windows does not allow"
    if part[-1] in ". " or part[0] == " ":
        return "a part starts with a space, or ends in a space or a dot, which Windows drops"
    if (stem := part.split(".")[0].rstrip().casefold()) in RESERVED:
        return f"Windows keeps the name {stem} for a device"
    if len(part) > LONGEST_PART or len(part.encode()) > 255:
        return f"a part is longer than {LONGEST_PART} letters"
    return None
