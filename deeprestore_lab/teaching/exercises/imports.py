"""Which modules the cells of a notebook import, read without running them."""

import ast
import re
from collections.abc import Iterable, Iterator


def imported(texts: Iterable[str]) -> set[str]:
    """The modules that cells import without being ready for their absence; cells that are no Python count for none.

    >>> guarded = "try:\\n    import a\\nexcept ImportError: pass"
    >>> sorted(imported(["import torch", "from scipy.fft import dctn", guarded]))
    ['scipy.fft', 'torch']
    """
    found: set[str] = set()
    for text in texts:
        tree = _tree(text) or _tree(re.sub(r"(?m)^([ \t]*)[%!].*", r"\1pass", text))  # commands to Jupyter
        if tree is None:
            continue
        found.update(_modules(tree))
    return found


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.module and node.level == 0:
            yield node.module
    elif not isinstance(node, ast.Try):
        for child in ast.iter_child_nodes(node):
            yield from _modules(child)
