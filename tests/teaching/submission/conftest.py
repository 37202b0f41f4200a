"""What the tests of archives share."""

from __future__ import annotations

import pytest

from deeprestore_lab.teaching.submission import inspection, parts


@pytest.fixture
def parts_are_read_here(monkeypatch):
    """Not in a process of their own, which takes longer; `test_inspection_apart.py` has that."""
    monkeypatch.setattr(inspection, "_wrong_parts", parts.wrong_parts)
