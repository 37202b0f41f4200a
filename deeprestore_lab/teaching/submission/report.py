"""The report: `report.typ` becomes `ex3.pdf`."""

from pathlib import Path

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.teaching.submission.names import REPORT
from deeprestore_lab.teaching.submission.refusals import Refusal, Refused

SOURCE = "report.typ"


def write_report(folder: Path) -> Path:
    """Typeset `report.typ` as `ex3.pdf` with Typst, whose Python package brings the whole program and its fonts.

    Pictures and numbers (`image("holes.png")`, `json("results.json")`) come from files of the folder and of no other.

    Raises `Refused`: "missing part" where Typst is not installed, "broken part" with its message and the line.
    """
    try:
        import typst
    except ImportError:
        said = "Typst is not installed, which makes it from report.typ: run `make book`"
        raise Refused(Refusal("missing part", REPORT, said)) from None
    path = folder / REPORT
    try:
        write_whole(path, typst.compile(folder / SOURCE, root=folder, format="pdf"))
    except (typst.TypstError, RuntimeError) as error:
        message = " ".join([str(error), *(f"({hint})" for hint in getattr(error, "hints", []))])
        raise Refused(Refusal("broken part", SOURCE, message)) from None
    return path
