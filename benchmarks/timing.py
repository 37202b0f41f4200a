"""The seconds that a call takes, with what it gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def timed(call: Callable[[], Result], clock: Callable[[], float] = time.perf_counter) -> tuple[float, Result]:
    """Seconds by the `clock`, and what the call gave."""
    began = clock()
    result = call()
    return clock() - began, result
