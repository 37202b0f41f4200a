"""Boxes that are folded: HTML's own element, with what stood in the box and in its order."""

import types

import pytest
from docutils import nodes
from extensions import extension
from sphinx_exercise.nodes import solution_node


@pytest.fixture(scope="module")
def folded():
    return extension("folded")


def page(box, title):
    document = nodes.document(None, None)
    document += box
    box += [title, nodes.paragraph("", "first"), nodes.paragraph("", "second")]
    return document


def test_a_box_keeps_its_place_name_and_content(folded):
    document = page(nodes.admonition(ids=["here"], classes=["dropdown", "tip"]), nodes.title("", "Wrong versions"))
    document += nodes.paragraph("", "after")
    folded.fold(document)
    box, after = document.children
    assert isinstance(box, folded.Folded) and after.astext() == "after"
    assert box["ids"] == ["here"] and "dropdown" not in box["classes"] and "tip" in box["classes"]
    assert [part.astext() for part in box.children] == ["Wrong versions", "first", "second"]
    assert isinstance(box.children[0], folded.Summary)


def test_a_solution_s_title_is_no_link(folded):
    title = nodes.title("", "", nodes.Text("Solution to"), nodes.reference("", " Exercise", refuri="#exercise"))
    document = page(solution_node(classes=["dropdown"]), title)
    folded.fold(document)
    assert document.children[0].children[0].astext() == "Solution" and not list(document.findall(nodes.reference))


def test_a_box_that_does_not_ask_stays_as_it_is_and_so_does_paper(folded):
    document = page(nodes.note(classes=["tip"]), nodes.title("", "Note"))
    folded.fold(document)
    assert isinstance(document.children[0], nodes.note)
    document = page(nodes.note(classes=["dropdown"]), nodes.title("", "Note"))
    folded.fold_boxes(types.SimpleNamespace(builder=types.SimpleNamespace(format="latex")), document, "page")
    assert isinstance(document.children[0], nodes.note)
