"""The order of the classes that one of our own derives from."""

from torch import nn


def check_module_order(cls: type, kind: type) -> None:
    """Raise `TypeError` where a class puts nn.Module before `kind`: torch's `__call__`, which wants `forward`, wins."""
    order = cls.__mro__
    if nn.Module in order and order.index(nn.Module) < order.index(kind):
        names = [
            "nn.Module" if base is nn.Module else base.__name__
            for base in sorted(cls.__bases__, key=lambda base: not issubclass(base, kind))
        ]
        raise TypeError(
            f"nn.Module hides what {kind.__name__} defines when it stands first: "
            f"write class {cls.__name__}({', '.join(names)})"
        )
