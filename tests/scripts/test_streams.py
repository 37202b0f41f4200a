"""What a cell prints, as a page shows it: pieces joined where nothing stands between them."""

from pathlib import Path

from docutils import nodes
from extensions import extension

ROOT = Path(__file__).resolve().parents[2]


def join(*outputs):
    """The texts of a cell's output after joining, from pairs of class and text."""
    document, output = nodes.document(None, None), nodes.container(classes=["cell_output"])
    document += output
    for kind, text in outputs:
        output += nodes.literal_block(text, text, classes=["output", kind])
    extension("streams").join(document)
    return [block.astext() for block in output.children]


def test_pieces_of_one_loop_are_one_box_and_a_line_may_arrive_in_two():
    assert join(("stream", "one\n"), ("stream", "  two "), ("stream", "and three\n")) == ["one\n  two and three\n"]


def test_a_claim_keeps_its_value_beside_it():
    outputs = [("stream", "holds: a\n"), ("text_plain", "1"), ("stream", "holds: b\n"), ("text_plain", "2")]
    assert join(*outputs) == [text for _, text in outputs]


def test_a_warning_and_code_stay_apart():
    outputs = [("stream", "one\n"), ("stderr", "a warning\n"), ("stderr", "another\n"), ("stream", "two\n")]
    assert join(*outputs) == [text for _, text in outputs]
