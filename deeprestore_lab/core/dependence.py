"""Whether autograd sees that a value depends on what is searched over: else a gradient of zero is no optimum."""

from collections.abc import Iterable, Mapping

import torch

LOST = "a NumPy call, .detach(), .data or @torch.no_grad on the way cuts it off"


def check_differentiable(what: str) -> None:
    """Raise `ValueError` inside of `torch.inference_mode()`, where nothing can be differentiated whatever is asked for.

    `what` says who needs a gradient.
    """
    if torch.is_inference_mode_enabled():
        raise ValueError(
            f"{what} needs gradients, and inside of torch.inference_mode() there are none; leave it, "
            "or use torch.no_grad() in its place"
        )


def check_gradients_on(what: str) -> None:
    """Raise `ValueError` where gradients are switched off by `torch.no_grad()` or `torch.inference_mode()`."""
    check_differentiable(what)
    if not torch.is_grad_enabled():
        raise ValueError(f"{what} needs gradients, and torch.no_grad() switches them off here; call it outside of that")


def check_depends(values: Mapping[str, torch.Tensor], parameters: Iterable[torch.Tensor], *, on: str) -> None:
    """Raise `ValueError` for the first of `values` that no way of autograd leads from to any of `parameters`.

    `on` names the parameters in the message. A value that depends on them in part, with another part cut off, passes:
    autograd does not know what it has not seen.

    >>> x = torch.ones(2, requires_grad=True)
    >>> check_depends({"energy": x.detach().sum()}, [x], on="theta")
    Traceback (most recent call last):
    ValueError: 'energy' does not depend on theta as autograd sees it: a NumPy call, ...
    """
    wanted = {id(parameter) for parameter in parameters}
    for name, value in values.items():
        if not _leads(value, wanted):
            raise ValueError(f"{name!r} does not depend on {on} as autograd sees it: {LOST}")


def _leads(value: torch.Tensor, wanted: set[int]) -> bool:
    if id(value) in wanted:
        return True
    left, seen = [value.grad_fn], {None}
    while left:
        node = left.pop()
        if node in seen:
            continue
        seen.add(node)
        if id(getattr(node, "variable", None)) in wanted:
            return True
        left.extend(before for before, _ in node.next_functions)
    return False
