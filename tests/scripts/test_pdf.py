"""The book on paper: which pages in which order, joined with an outline; one page is really printed."""

from __future__ import annotations

import io
from importlib import import_module

import pytest
from pypdf import PdfReader, PdfWriter

import small_book


@pytest.fixture
def command():
    return import_module("scripts.book.pdf")


def blank(pages, width):
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=width, height=100)
    raw = io.BytesIO()
    writer.write(raw)
    return raw.getvalue()


def test_the_pages_of_the_book_stand_in_order_without_those_of_the_library(command):
    parts = command.contents(command.Places(small_book.ROOT))
    names = [name for _, pages in parts for name in pages]
    assert parts[0] == ("", ["intro"]) and len(names) == len(set(names))
    assert names.index("part1_representations/01_patterns") < names.index("exercises/01_patterns")
    assert names.index("part3_priors/10_map") < names.index("part3_priors/11_deep_image_prior")
    assert not any(name.startswith("api") for name in names)


def test_joined_pages_have_an_outline_of_two_levels(command):
    first, one, two = blank(1, 50), blank(2, 60), blank(3, 70)
    raw = command.joined([("", [("First", first)]), ("Part 1", [("1. One", one), ("2. Two", two)])])
    reader = PdfReader(io.BytesIO(raw))
    assert [float(page.mediabox.width) for page in reader.pages] == [50, 60, 60, 70, 70, 70]
    front, part, below = reader.outline
    assert (front.title, part.title) == ("First", "Part 1") and [one.title for one in below] == ["1. One", "2. Two"]
    places = [reader.get_destination_page_number(each) for each in (front, part, *below)]
    assert places == [0, 1, 1, 3]
