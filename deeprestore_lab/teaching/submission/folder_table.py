"""The table of a folder of archives, on the screen, and the sheet to mark them in."""

from collections.abc import Mapping
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.teaching.submission.folder import Archive, examine, missing
from deeprestore_lab.teaching.submission.marks_sheet import sheet_text
from deeprestore_lab.teaching.submission.refusals import printable, quoted

COLUMNS = ("archive", "state", "pages", "most alike", "to the solution", "students")


def show_folder(
    folder: Path, *, roster: Mapping[str, str] | None, sheet: Path | None, project: Path, solution: Path
) -> tuple[list[str], int]:
    """Print the table of a folder of archives; the lines to say after it, and how many were refused.

    `project` is what was handed out, `solution` one with a solution; what is not there is not compared with. `sheet` is
    written where it is given. Raises `ImportError` without RapidFuzz, `OSError` where the sheet cannot be written,
    `ValueError` where the points in TASK.md do not add up.
    """
    given, solved = (path if path.is_dir() else None for path in (project, solution))
    found = examine(folder, roster=roster, given=given, solution=solved)
    names = roster or {}
    table = Table(box=SIMPLE, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    rows = [dict(zip(COLUMNS, _cells(each, names), strict=True)) for each in found]
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row.values()))
    Console().print(table)
    remarks = [[*each.notes, *map(str, each.refusals)] for each in found]
    lines = [f"{quoted(each.file)}: {line}" for each, said in zip(found, remarks, strict=True) for line in said]
    if roster is not None and (absent := missing(found, roster)):
        lines.append("in no archive: " + ", ".join(f"{each} {names[each]}".strip() for each in absent))
    if sheet is not None:
        noted = [row | {"notes": "; ".join(said)} for row, said in zip(rows, remarks, strict=True)]
        write_whole(sheet, sheet_text(noted, (project / "TASK.md").read_text(encoding="utf-8")).encode("utf-8-sig"))
        lines.append(f"wrote {sheet}")
    refused = sum(each.state == "refused" for each in found)
    return [*lines, f"{len(found)} archives, {len(found) - refused} accepted"], refused


def _cells(each: Archive, names: Mapping[str, str]) -> list[str]:
    ratio, other = each.most_alike
    solved = "" if each.solution is None else f"{each.solution:.2f}"
    who = ", ".join(names.get(one) or one for one in each.ids)
    return [each.file, each.state, str(each.pages or ""), f"{ratio:.2f} {other}" if other else "", solved, who]
