"""What the book needs of Sphinx beyond its settings: docstrings as plain sentences, named widgets, no script twice.

Docstrings are sentences with `code` in single backticks; their stars and bars are not markup.
"""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from deeprestore_lab.course.widgets.rendering import NAMES_SCRIPT

MATHJAX = ("tex-chtml.js", "input/tex/extensions/*.js", "output/chtml/fonts/woff-v2/*")


def escape_line(line: str) -> str:
    """One line with `*`, `|` and trailing `_` escaped outside of backticks.

    >>> escape_line("||A x||^2 of `A*A` and x*")
    '\\\\|\\\\|A x\\\\|\\\\|^2 of `A*A` and x\\\\*'
    """
    parts = re.split(r"(`+[^`]*`+)", line)
    return "".join(part if part.startswith("`") else re.sub(r"([*|\\]|_\b(?!\w))", r"\\\1", part) for part in parts)


def list_arguments(lines: list[str]) -> list[str]:
    """Lines such as `steps, lr: what they are`, with indented continuations, as a list; examples stay as they are.

    >>> list_arguments(["steps: how many", "    at most"])
    ['- `steps`: how many', '  at most']
    >>> list_arguments([">>> load()", "network: embedded weights"])
    ['>>> load()', 'network: embedded weights']
    """
    listed, inside, in_example = [], False, False
    for line in lines:
        in_example = (in_example and bool(line.strip())) or line.lstrip().startswith(">>>")
        argument = not in_example and re.match(r"([a-z_]+(?:, [a-z_]+)*): (?=\S)", line)
        inside = bool(argument) or (inside and not in_example and line.startswith("    "))
        if argument:
            line = f"- `{argument[1]}`: {line[argument.end() :]}"
        elif inside:
            line = f"  {line.lstrip()}"
        listed.append(line)
    return listed


def process(app, what, name, obj, options, lines: list[str]) -> None:
    """Escape the prose of a docstring in place, and leave doctests as they are."""
    in_example = False
    for number, line in enumerate(lines):
        in_example = (in_example and bool(line.strip())) or line.lstrip().startswith(">>>")
        if not in_example:
            lines[number] = escape_line(line)
    lines[:] = list_arguments(lines)


def drop_scripts(app, pagename, templatename, context, doctree) -> None:
    """Leave out MathJax, which `book.js` fetches when the sliders stand, and a service that runs cells elsewhere.

    The latter is unused here, and declared twice, an error.
    """
    is_none_of_ours = re.compile(f"thebe|{MATHJAX[0]}", re.IGNORECASE).search
    files = context.get("script_files", [])
    context["script_files"] = [
        file for file in files if not is_none_of_ours(f"{file} {getattr(file, 'attributes', {}).get('body', '')}")
    ]


def copy_mathjax(app, error) -> None:
    """Put what our pages use of MathJax beside them, so that formulas are typeset without a network.

    The package `sphinx-mathjax-offline` has all of MathJax, 24 MB, and would copy it whole.
    """
    if error is not None or app.builder.format != "html":
        return
    source = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    files = {pattern: list(source.glob(pattern)) for pattern in MATHJAX}
    if missing := [pattern for pattern, found in files.items() if not found]:
        raise FileNotFoundError(f"sphinx-mathjax-offline has no {', '.join(missing)}")
    for file in (file for found in files.values() for file in found):
        target = Path(app.outdir, "_static", "mathjax", file.relative_to(source))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def setup(app) -> dict[str, bool]:
    """Register the hooks and the script that names widgets."""
    app.add_js_file(None, body=NAMES_SCRIPT)
    app.connect("autodoc-process-docstring", process)
    app.connect("html-page-context", drop_scripts, priority=900)
    app.connect("build-finished", copy_mathjax)
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
