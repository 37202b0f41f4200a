"""What a page needs where scripts do not run: formulas as MathML, the light colours, no button that does nothing.

MathJax itself turns the formulas into MathML, in Node, once for all pages; a page with scripts does not show it. Where
Node is missing the formulas stay TeX there, and the build says so. The pages are edited after they are written, since
the theme makes parts of them itself; an edited page is left as it is.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable, Mapping
from html import escape, unescape
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring, tostring

from sphinx.errors import ExtensionError
from sphinx.util import logging

Formula = tuple[str, bool]  # TeX, and whether it stands on a line of its own

MATH = re.compile(
    r'<(?P<tag>span|div) class="math notranslate nohighlight"[^>]*>(?P<inside>.*?)</(?P=tag)>(?!<noscript>)', re.DOTALL
)
TEX = re.compile(r"\\\((?P<inline>.*)\\\)|\\\[(?P<display>.*)\\\]", re.DOTALL)
NUMBER = re.compile(r'<span class="eqno">\((?P<number>\d+)\)')
# The theme's name for "as the system has it", which only its script understands. Scripts replace it at once.
AUTO = re.compile(r'(?P<head><html\b[^>]*) data-theme="auto"')
STYLE = "<noscript><style>{rules}</style></noscript>\n</head>"
RULES = """
.bd-header-article, .bd-search { display: none !important; }
.drl-kernel-editor input, .drl-kernel-editor button, .drl-wipe input { pointer-events: none; opacity: 0.4; }
.drl-kernel-editor::after { content: "To change the numbers, allow JavaScript."; display: block; text-align: center; }
"""
TEX_HIDDEN = ".bd-content .math { display: none !important; }\n"

RUN = """
const [folder] = process.argv.slice(1);
const formulas = JSON.parse(require('fs').readFileSync(0, 'utf8'));
require(folder + '/node-main.js').init({ loader: { paths: { mathjax: folder }, load: ['input/tex'] } })
  .then(async (MathJax) => {
    const found = [];
    for (const [tex, display] of formulas) found.push(await MathJax.tex2mmlPromise(tex, { display }));
    console.log(JSON.stringify(found));
  })
  .catch((error) => { console.error(error); process.exit(1); });
"""

ROWS = ("math", "mrow", "mstyle", "mtd")
APPLIED = "\N{FUNCTION APPLICATION}"
# Browsers know no other letters than italic ones by attribute: the others are signs of their own in Unicode.
LETTERS = {
    "bold": "BOLD",
    "bold-italic": "BOLD ITALIC",
    "script": "SCRIPT",
    "double-struck": "DOUBLE-STRUCK",
    "fraktur": "FRAKTUR",
    "-tex-calligraphic": "SCRIPT",
}


def sign(letter: str, kind: str) -> str:
    """The sign that Unicode has for a letter or digit of some kind; the letter itself where there is none.

    >>> sign("E", "DOUBLE-STRUCK"), sign("N", "SCRIPT"), sign("R", "SCRIPT"), sign(" ", "BOLD")
    ('𝔼', '𝒩', 'ℛ', ' ')
    """
    words = re.sub(r"LATIN |GREEK |LETTER ", "", unicodedata.name(letter, ""))
    for name in (f"MATHEMATICAL {kind} {words}", f"{kind} {words}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            pass
    return letter


def spaced(row: Element) -> None:
    """Put a thin space around the name of a function, as TeX does; browsers leave out what MathJax marks there."""
    parts = [part for part in row if part.text != APPLIED]
    row[:] = parts[:1]
    for before, part in pairwise(parts):
        if (named(before) or named(part)) and not {before.tag, part.tag} & {"mo", "mspace"}:
            row.append(Element("mspace", width="0.167em"))
        row.append(part)


def named(part: Element) -> bool:
    """Whether a part of a formula is a name of several letters, with or without an index."""
    base = part[0] if part.tag in ("msub", "msup", "msubsup", "munder") else part
    return base.tag == "mi" and len(base.text or "") > 1


def compact(mathml: str) -> str:
    """MathJax's MathML as browsers understand it, without what they do not use.

    >>> compact('<math xmlns="http://www.w3.org/1998/Math/MathML">\\n  <mi data-mjx-texclass="ORD">x</mi>\\n</math>')
    '<math><mi>x</mi></math>'
    >>> compact('<menclose notation="box"><mi mathvariant="double-struck">E</mi></menclose>')
    '<mrow class="drl-box"><mi mathvariant="normal">𝔼</mi></mrow>'
    >>> compact("<math><mi>k</mi><mi>log</mi><mo>&#x2061;</mo><mi>m</mi></math>")
    '<math><mi>k</mi><mspace width="0.167em" /><mi>log</mi><mspace width="0.167em" /><mi>m</mi></math>'
    """
    tree = fromstring(re.sub(r' (?:xmlns|data-mjx-[a-z-]+)="[^"]*"', "", mathml))
    for part in tree.iter():
        part.text, part.tail = (part.text or "").strip(" \n") or None, None
        if part.tag == "menclose" and part.get("notation") == "box":
            part.tag, part.attrib = "mrow", {"class": "drl-box"}
        if kind := LETTERS.get(part.get("mathvariant", "")):
            part.text = "".join(sign(letter, kind) for letter in part.text or "")
            part.set("mathvariant", "normal")
        if part.tag in ROWS:
            spaced(part)
    return tostring(tree, encoding="unicode")


def formula(inside: str) -> Formula | None:
    """The formula in a math element of a page, or None where there is none.

    >>> formula(r"\\(a &lt; b\\)")
    ('a < b', False)
    """
    found = TEX.search(inside)
    if found is None:
        return None
    display = found["display"] is not None
    return unescape(found["display"] if display else found["inline"]).strip(), display


def in_page(page: str) -> list[Formula]:
    """The formulas of a page that have no MathML yet."""
    return [one for found in MATH.finditer(page) if (one := formula(found["inside"])) is not None]


def converted(formulas: Iterable[Formula], *, node: str) -> dict[Formula, str]:
    """The MathML of each formula, by MathJax in Node.

    Raises `ExtensionError` for formulas that MathJax cannot read, which the pages would show in red.
    """
    formulas = list(dict.fromkeys(formulas))
    folder = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    command, asked = [node, "-e", RUN, "--", str(folder)], json.dumps(formulas)
    result = subprocess.run(command, input=asked, capture_output=True, encoding="utf-8")
    if result.returncode:
        raise ExtensionError(f"MathJax did not run in Node: {result.stderr.strip()}")
    pairs = dict(zip(formulas, json.loads(result.stdout), strict=True))
    if wrong := [tex for (tex, _), mathml in pairs.items() if "<merror" in mathml or 'mathcolor="red"' in mathml]:
        raise ExtensionError("MathJax cannot read the formula " + ", nor ".join(repr(tex) for tex in wrong))
    return {one: compact(mathml) for one, mathml in pairs.items()}


def without_scripts(page: str, mathml: Mapping[Formula, str]) -> str:
    """A page with what it needs where scripts do not run; `mathml` may be empty."""

    def with_mathml(found: re.Match) -> str:
        if (one := formula(found["inside"])) not in mathml:
            return found[0]
        number = NUMBER.search(found["inside"])
        shown = mathml[one] + (f'<span class="eqno">({escape(number["number"])})</span>' if number else "")
        if one[1]:
            shown = f'<div class="drl-mathml">{shown}</div>'
        return f"{found[0]}<noscript>{shown}</noscript>"

    if AUTO.search(page) is None:
        return page
    edited = MATH.sub(with_mathml, page)
    rules = RULES + (TEX_HIDDEN if edited != page else "")
    return AUTO.sub(r'\g<head> data-theme="light"', edited).replace("</head>", STYLE.format(rules=rules), 1)


def edit_pages(app, error) -> None:
    """Edit every page that was written."""
    if error is not None or app.builder.format != "html":
        return
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(Path(app.outdir).rglob("*.html"))}
    pages = {path: page for path, page in pages.items() if AUTO.search(page)}
    node, mathml = shutil.which("node"), {}
    if node is None:
        logging.getLogger(__name__).info("node was not found: where scripts do not run, formulas are shown as TeX.")
    elif formulas := [one for page in pages.values() for one in in_page(page)]:
        mathml = converted(formulas, node=node)
    for path, page in pages.items():
        path.write_text(without_scripts(page, mathml), encoding="utf-8")


def setup(app) -> dict[str, bool]:
    """Register the hook, after those that write the last pages."""
    app.connect("build-finished", edit_pages, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
