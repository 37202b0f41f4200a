"""The report: `report.typ` becomes `ex3.pdf`."""

import re
from pathlib import Path

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.teaching.submission.names import MAIN, README, REPORT
from deeprestore_lab.teaching.submission.refusals import Refusal, Refused

SOURCE = "report.typ"


def missing_files(folder: Path) -> list[str]:
    """The files that `report.typ` reads by a plain name (`image("a.png")`, `json("b.json")`) and that are not there."""
    text = re.sub(r"(?m)^\s*//.*$", "", (folder / SOURCE).read_text(encoding="utf-8", errors="replace"))
    named = re.findall(r"\b(?:image|json|csv|yaml|toml|read)\(\s*\"([^\"\n]+)\"", text)
    return [name for name in dict.fromkeys(named) if not name.startswith(("/", "..")) and not (folder / name).exists()]


def write_report(folder: Path) -> Path:
    """Typeset `report.typ` as `ex3.pdf` with Typst, whose Python package brings the whole program and its fonts.

    Pictures and numbers (`image("holes.png")`, `json("results.json")`) come from files of the folder and of no other.

    Raises `Refused`: "missing part" where Typst is not installed, and for each file that the report shows and nobody
    made yet; "broken part" with Typst's message.
    """
    try:
        import typst
    except ImportError:
        said = "Typst is not installed, which makes it from report.typ: run `make book`"
        raise Refused(Refusal("missing part", REPORT, said)) from None
    if gone := missing_files(folder):
        said = f"report.typ shows it, and it is not there: run `python {MAIN}`, which makes it"
        own = {README: "report.typ takes your names from it"}
        raise Refused(*(Refusal("missing part", name, own.get(name, said)) for name in gone))
    path = folder / REPORT
    try:
        write_whole(path, typst.compile(folder / SOURCE, root=folder, format="pdf"))
    except (typst.TypstError, RuntimeError) as error:
        message = " ".join([str(error), *(f"({hint})" for hint in getattr(error, "hints", []))])
        raise Refused(Refusal("broken part", SOURCE, message)) from None
    return path
