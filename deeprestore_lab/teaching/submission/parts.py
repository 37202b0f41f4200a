"""The parts of a submission: a report, a README, code. Each is read, none is run."""

import ast
import json
import logging
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from deeprestore_lab.teaching.submission.names import MAIN, MOST_PAGES, README, REPORT
from deeprestore_lab.teaching.submission.pdf import PdfError, page_count
from deeprestore_lab.teaching.submission.readme import wrong_readme
from deeprestore_lab.teaching.submission.refusals import Refusal

READ = (".py", ".ipynb")  # and the report and the README
FILES_ALONE = "pack the files, not their folder (open it, select all, compress; or `submission build`)"
WIDE = (b"\xff\xfe", b"\xfe\xff")  # how UTF-16 starts, as Windows' editors write it


def missing_parts(names: Sequence[str]) -> list[Refusal]:
    """Which of `ex3.pdf`, `README.md` and `main.py` are not at the top of the archive, and where else they are."""
    said = []
    for part, what in ((REPORT, "the report"), (README, "names and user names"), (MAIN, "what runs the code")):
        if part in names:
            continue
        near = [name for name in names if PurePosixPath(name).name.casefold() == part.casefold()]
        at_top = [name for name in near if "/" not in name]
        where = f"; {near[0]!a} is there: {FILES_ALONE}" if near else ""
        where = f"; {at_top[0]!a} is there: rename it, {part} is written so" if at_top else where
        said.append(Refusal("missing part", part, what + where))
    return said


def needed(name: str) -> bool:
    """Whether `wrong_parts` reads a member."""
    return name in (REPORT, README) or PurePosixPath(name).suffix.lower() in READ


def wrong_parts(parts: Mapping[str, bytes], ids: Sequence[str]) -> list[Refusal]:
    """What is broken: a PDF that is not whole, a README without names, Python or notebooks that do not compile.

    Nothing is imported or run, and still a hostile file may take the compiler's time or memory. So a checker calls
    this in a process with limits (`confinement.run`), as `check` does.
    """
    said = []
    for name, data in parts.items():
        suffix = PurePosixPath(name).suffix.lower()
        if name == REPORT:
            reason, pages = _wrong_pdf(data)
            if pages > MOST_PAGES:
                said.append(Refusal("too long", name, f"it has {pages} pages; {MOST_PAGES} are allowed"))
        elif name == README:
            said += wrong_readme(data.decode("utf-8-sig", errors="replace"), ids)
            continue
        else:
            reason = _wrong_notebook(data, name) if suffix == ".ipynb" else _wrong_python(data, name)
        if reason:
            said.append(Refusal("broken part", name, reason))
    return said


def _wrong_pdf(data: bytes) -> tuple[str | None, int]:
    """What is wrong with the report, and its pages."""
    try:
        pages = page_count(data)
    except PdfError as error:
        return f"it is no whole PDF: {error}", 0
    return (None if pages else "it has no page"), pages


def _wrong_python(data: bytes | str, name: str, *, flags: int = 0) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, name, "exec", flags=flags | ast.PyCF_ONLY_AST, dont_inherit=True)
            compile(data, name, "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        return _encoding(data) or f"line {error.lineno} does not compile: {error.msg}"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return _encoding(data) or f"it does not compile: {type(error).__name__}"
    return None


def _encoding(data: bytes | str) -> str | None:
    """What is wrong with a source that is no UTF-8, and how to mend it; None where it is, or says what it is."""
    if isinstance(data, str):
        return None
    if data.startswith(WIDE) or b"\0" in data[:200]:
        return "it is UTF-16: save it as UTF-8 in your editor"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        if re.search(rb"^[ \t\f]*#.*?coding[:=]", b"\n".join(data.split(b"\n")[:2]), re.MULTILINE):
            return None
        return f"line {line} has a letter that is not UTF-8 (Latin-1?): save the file as UTF-8 in your editor"
    return None


def _wrong_notebook(data: bytes, name: str) -> str | None:
    try:
        cells = json.loads(data)["cells"]
        codes = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        texts = ["".join(code) for code in codes]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "it is no notebook"
    for number, text in enumerate(texts, start=1):
        if text.lstrip().startswith("%%"):
            continue
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        reason = _wrong_python(text, name, flags=flags) and _wrong_python(_without_magics(text), name, flags=flags)
        if reason:
            return f"code cell {number}: {reason}"
    return None


def _without_magics(text: str) -> str:
    """The Python in a cell: what IPython alone understands (`%magic`, `!command`, `name?`) gives way to `pass`."""
    lines = []
    for line in text.splitlines():
        word = line.strip()
        magic = word.startswith(("%", "!", "?")) or word.endswith("?") or re.match(r"[\w, ]+= *[!%]", word)
        lines.append(line[: len(line) - len(line.lstrip())] + "pass" if magic else line)
    return "\n".join(lines)


def main() -> None:
    """Read {"ids", "parts": {name: size}} and then the parts from standard input; print what is wrong as JSON.

    With "count" in place of the IDs, print the number of pages of each part, a PDF.
    """
    logging.disable()  # what pypdf warns of would stand in the answer
    asked = json.loads(sys.stdin.buffer.readline())
    parts = {name: sys.stdin.buffer.read(size) for name, size in asked["parts"].items()}
    if asked.get("count"):
        print(json.dumps([_wrong_pdf(data)[1] for data in parts.values()]))
    else:
        print(json.dumps([list(each) for each in wrong_parts(parts, asked["ids"])]))
