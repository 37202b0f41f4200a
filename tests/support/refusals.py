"""Tables of what is refused: the calls, or what a call is given, and words that the error must have."""

from collections.abc import Callable, Mapping, Sequence

import pytest


def refused(
    *rows: tuple, by: Callable = lambda call: call(), ids: Sequence[str] | None = None
) -> Callable[[tuple], None]:
    """A test with a case for each row: `by`, given what stands before the row's words, raises `ValueError` with them.

    Without `by` a row is a call without arguments, and the words.
    """

    @pytest.mark.parametrize("row", rows, ids=[row[-1] for row in rows] if ids is None else ids)
    def case(row: tuple) -> None:
        *given, words = row
        with pytest.raises(ValueError, match=words):
            by(*given)

    return case


def refused_by_name(table: Mapping[str, tuple[Callable, str]], *arguments: object) -> Callable[[tuple], None]:
    """The same for calls that are given `arguments`: `{what it is: (call, words)}`."""
    return refused(*table.values(), by=lambda call: call(*arguments), ids=list(table))
