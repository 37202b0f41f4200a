"""Names of archives and of files: properties that hold for any text."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deeprestore_lab.teaching.submission import Refused
from deeprestore_lab.teaching.submission.names import archive_name, ids_of, wrong_name
from deeprestore_lab.teaching.submission.refusals import Refusal

IDS = st.from_regex(r"[A-Za-z0-9]{4,16}", fullmatch=True)


@given(IDS, IDS)
def test_ids_come_back_from_the_name(one, other):
    assume(one.casefold() != other.casefold())
    assert ids_of(archive_name([one, other])) == (one, other)


@pytest.mark.parametrize(
    "ids", [["abc", "12345678"], ["1234_567", "12345678"], ["1234567\u0665", "12345678"], ["abcd", "ABCD"], ["1234"]]
)
def test_wrong_ids(ids):
    with pytest.raises(Refused, match="wrong ID"):
        archive_name(ids)


PARTS = st.lists(st.text("ab. :~-\\\u00e9", min_size=1, max_size=4), min_size=1, max_size=4)
NEAR = st.builds(lambda parts, end: "/".join(parts) + end, PARTS, st.sampled_from([".py", ".pdf", "/", ""]))


@given(NEAR)
def test_a_name_that_passes_stays_in_its_folder_on_every_system(name):
    assume(wrong_name(name) is None)
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(name)
        assert not path.is_absolute() and not path.drive and ".." not in path.parts
    assert name.removesuffix("/").split("/") == list(PureWindowsPath(name).parts)


@given(st.text(max_size=30))
def test_a_refusal_can_be_printed_anywhere(name):
    shown = str(Refusal("odd name", name, "text"))
    assert shown.isprintable() or any(letter.isspace() for letter in shown)
    assert not set(shown) & {"\x1b", "\r", "\n", "\x9b"}
    shown.encode("utf-8")
