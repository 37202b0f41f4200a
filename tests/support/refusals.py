"""Tables of what is refused: by what it is, the call, and words that the error must have."""

from collections.abc import Callable, Mapping

import pytest


def refused_by_name(table: Mapping[str, tuple[Callable, str]], *arguments: object) -> Callable[[str], None]:
    """A test with a case for each row of `table`: the call, given `arguments`, raises `ValueError` with the words."""

    @pytest.mark.parametrize("what", table)
    def refused(what: str) -> None:
        call, words = table[what]
        with pytest.raises(ValueError, match=words):
            call(*arguments)

    return refused
