"""One pass for all terms: what an operator computed for a tensor is kept while one energy is evaluated.

Terms of an energy often look through the same network. Inside `one_evaluation` such an operator finds what it
computed for the very same tensor before, and goes on from there. Nothing is kept afterwards.
"""

from collections.abc import Hashable
from contextvars import ContextVar

import torch

_CURRENT: ContextVar[dict | None] = ContextVar("what is kept during one evaluation", default=None)


class one_evaluation:  # noqa: N801, it reads as a function does
    """Operators keep what they computed, as long as this lasts; one inside another joins it.

    The shares of an energy then hang on one graph: gradients of single shares need `retain_graph=True`.
    """

    __slots__ = ("_token",)  # a class and no generator: every evaluation enters it

    def __enter__(self) -> None:
        self._token = None if _CURRENT.get() is not None else _CURRENT.set({})

    def __exit__(self, *error: object) -> None:
        if self._token is not None:
            _CURRENT.reset(self._token)


def kept(owner: Hashable, x: torch.Tensor) -> dict | None:
    """What `owner` computed for this very tensor in this evaluation, to be added to; None outside of any.

    A tensor that was changed in place, or asked about with gradients on instead of off, is another one.

    >>> x = torch.zeros(1)
    >>> with one_evaluation():
    ...     kept("network", x)["layer 1"] = x + 1
    ...     print(kept("network", x), kept("network", x.clone()), kept("other", x))
    {'layer 1': tensor([1.])} {} {}
    >>> kept("network", x) is None
    True
    """
    current = _CURRENT.get()
    if current is None:
        return None
    version = None if x.is_inference() else x._version
    key = (owner, id(x), version, torch.is_grad_enabled() and x.requires_grad)
    return current.setdefault(key, (x, {}))[1]  # x is held, so that no other tensor gets its id
