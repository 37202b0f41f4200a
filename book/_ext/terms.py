"""Where a term of the glossary first stands on a chapter's page, it leads there.

So chapters say terms as they are, in a reader's Jupyter too, and no first place has to be looked for by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes

LEFT_ALONE = (nodes.title, nodes.reference, nodes.literal, nodes.math, nodes.raw, nodes.literal_block, nodes.target)


def pattern(terms: list[str]) -> re.Pattern[str]:
    """Any of the terms as whole words, longer ones first, in the plural too; capitals matter in short ones alone.

    >>> found = pattern(["prior", "field of experts", "MAP"]).finditer("Priors, a map, a field of experts")
    >>> [match[0] for match in found]
    ['Priors', 'field of experts']
    """
    words = sorted(terms, key=len, reverse=True)
    exact = [re.escape(word) for word in words if word.isupper()]
    loose = [re.escape(word).replace(r"\ ", r"\s+") for word in words if not word.isupper()]
    parts = [part for part in ("|".join(exact), f"(?i:{'|'.join(loose)})" if loose else "") if part]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?:s|es)?(?![\w-])")


def term_of(found: str, terms: dict[str, tuple[str, str]]) -> str:
    """The term that a piece of text names: without its plural, whatever its capitals."""
    words = " ".join(found.split()).lower()
    return next(word for word in (words, words[:-1], words[:-2]) if word in terms)


def prose(doctree: nodes.document) -> Iterator[nodes.Text]:
    """The texts of paragraphs, outside of titles, links, code and formulas."""
    for text in list(doctree.findall(nodes.Text)):
        above, node = [], text.parent
        while node is not None:
            above.append(node)
            node = node.parent
        if any(isinstance(node, nodes.paragraph) for node in above) and not any(
            isinstance(node, LEFT_ALONE) for node in above
        ):
            yield text


def link(text: nodes.Text, rule: re.Pattern[str], terms: dict, address, done: set[str]) -> None:
    """Replace a text by pieces of which those that name a term for the first time are links."""
    pieces, place, words = [], 0, text.astext()
    for match in rule.finditer(words):
        term = term_of(match[0], terms)
        if term in done:
            continue
        done.add(term)
        done.update(other for other in terms if terms[other] == terms[term])
        pieces.append(nodes.Text(words[place : match.start()]))
        pieces.append(nodes.reference("", match[0], refuri=address(terms[term]), internal=True, classes=["drl-term"]))
        place = match.end()
    if pieces:
        text.parent.replace(text, [*pieces, nodes.Text(words[place:])])


def link_terms(app, doctree: nodes.document, docname: str) -> None:
    """Link the first place of each term on the page of a chapter."""
    if app.builder.format != "html" or not docname.startswith("part"):
        return
    objects = app.env.domaindata["std"]["objects"]
    terms = {name.lower(): place for (kind, name), place in objects.items() if kind == "term"}
    if not terms:
        return

    def address(place: tuple[str, str]) -> str:
        return f"{app.builder.get_relative_uri(docname, place[0])}#{place[1]}"

    names = [name for (kind, name) in objects if kind == "term"]
    rule, done = pattern(names), set()
    for text in prose(doctree):
        link(text, rule, terms, address, done)


def setup(app) -> dict[str, bool]:
    """Register the hook."""
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
