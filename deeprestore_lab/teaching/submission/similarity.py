"""How alike two programs are that were handed in: their words in order, without names, comments and what was given.

RapidFuzz compares: it is small, kept up, and nbgrader brings it. What is compared is ours: a copy is renamed first.
"""

import io
import json
import keyword
import tokenize
from collections.abc import Mapping, Sequence
from pathlib import Path

LONGEST = 300_000  # characters of one file
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_of(files: Mapping[str, bytes]) -> str:
    """The Python of a submission in one text, files in the order of their names, notebooks by their cells."""
    texts = []
    for name in sorted(files):
        text = files[name].decode("utf-8", errors="replace")[:LONGEST]
        if name.endswith(".ipynb"):
            try:
                cells = json.loads(text)["cells"]
                text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
            except (ValueError, KeyError, TypeError):
                continue
        elif not name.endswith(".py"):
            continue
        texts.append(text)
    return "\n".join(texts)


def words_of(code: str, *, given: frozenset[str] = frozenset()) -> list[str]:
    """The words of a program: names are "n", numbers "0", texts "s"; lines that were `given` to all are left out.

    >>> words_of("total = 0  # a sum") == words_of("s = 3")
    True
    """
    kept = "\n".join(line for line in code.splitlines() if line.strip() not in given)
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(kept).readline):
            if token.type in SKIPPED:
                continue
            plain = {tokenize.NUMBER: "0", tokenize.STRING: "s"}.get(token.type, token.string)
            is_name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
            found.append("n" if is_name else plain)
    except (tokenize.TokenError, SyntaxError):
        pass  # a part of it that is left without the given lines; the words before it count
    return found


def alike(one: Sequence[str], other: Sequence[str]) -> float:
    """The part of the words of both that stand in one order in both, 0 to 1: 2 * common / (len(one) + len(other)).

    Raises `ImportError` naming the extra where RapidFuzz is missing.
    """
    try:
        from rapidfuzz.distance import LCSseq
    except ImportError as error:
        raise ImportError("similarity needs RapidFuzz, an extra: pip install 'deeprestore_lab[teaching]'") from error
    total = len(one) + len(other)
    return 2 * LCSseq.similarity(one, other) / total if total else 0.0


def given_lines(folder: Path) -> frozenset[str]:
    """The lines of code that were handed out, so that nobody copied them."""
    lines = (line.strip() for path in folder.glob("*.py") for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if line)
