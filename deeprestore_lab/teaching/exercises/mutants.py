"""Wrong answers made by a program: a solution with one number, sign, axis, reduction or comparison changed.

Mutation analysis (DeMillo, Lipton and Sayward, 1978): what a check does not tell from the solution, it leaves unseen.
"""

import ast
import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div}
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
OTHERS = (
    ("sum", "mean"),
    ("max", "min"),
    ("amax", "amin"),
    ("argmax", "argmin"),
    ("floor", "ceil"),
    ("sin", "cos"),
    ("var", "std"),
    ("log", "log1p"),
    ("exp", "expm1"),
    ("tril", "triu"),
)  # names of functions and methods, each in the place of the other
INSTEAD = dict(OTHERS) | {b: a for a, b in OTHERS}
WITHOUT = {"abs", "square", "sqrt", "clamp", "relu", "flip", "conj", "transpose", "log", "exp", "norm", "T", "mT", "mH"}

SYMMETRIC = {"transpose", "swapaxes", "maximum", "minimum", "flip", "hypot"}  # two arguments in any order


@dataclass(frozen=True)
class Mutant:
    """A changed solution: its text, the line that differs (from 1) and how that line reads now."""

    text: str
    line: int
    now: str


def mutants(text: str) -> Iterator[Mutant]:
    """Every changed version of a solution cell; lines outside of its solution stay as they are.

    >>> cell = "def f(x):\\n    ### BEGIN SOLUTION\\n    return 2 * x\\n    ### END SOLUTION"
    >>> [mutant.now for mutant in mutants(cell)]
    ['return -(2 * x)', 'return 2 / x', 'return 3 * x', 'return 1 * x']
    """
    lines = text.split("\n")
    marks = [number for number, line in enumerate(lines, start=1) if line.strip().startswith("### ")]
    tree, seen = ast.parse(text), {ast.unparse(ast.parse(text))}
    places = [node for node in ast.walk(tree) if marks[0] < getattr(node, "lineno", 0) < marks[-1]]
    for number, node in enumerate(places):
        for changed in _versions(node):
            new = _replaced(tree, number, changed, between=(marks[0], marks[-1]))
            if (made := ast.unparse(new)) not in seen:
                seen.add(made)
                yield Mutant(made, node.lineno, _line(made, ast.unparse(tree)))


def _replaced(tree: ast.Module, number: int, changed: ast.AST, *, between: tuple[int, int]) -> ast.Module:
    """A copy of the tree with the node of that number changed."""
    new = copy.deepcopy(tree)
    places = [node for node in ast.walk(new) if between[0] < getattr(node, "lineno", 0) < between[1]]
    wanted = places[number]

    class Change(ast.NodeTransformer):
        def visit(self, node):
            return changed if node is wanted else self.generic_visit(node)

    return ast.fix_missing_locations(Change().visit(new))


def _line(new: str, old: str) -> str:
    """The first line of the new text that the old one has not."""
    pairs = zip(new.split("\n"), [*old.split("\n"), ""], strict=False)
    return next((a.strip() for a, b in pairs if a != b), "")


def _versions(node: ast.AST) -> Iterator[ast.AST]:
    """The node changed, in each way that suits its kind."""
    node = copy.deepcopy(node)
    if isinstance(node, ast.Constant):
        yield from map(ast.Constant, _other_values(node.value))
    elif isinstance(node, ast.BinOp):
        if type(node.op) in SIGNS:
            yield ast.BinOp(node.left, SIGNS[type(node.op)](), node.right)
        if isinstance(node.op, ast.Div | ast.MatMult | ast.Pow):
            yield ast.BinOp(node.right, node.op, node.left)
        if isinstance(node.op, ast.Pow):
            yield node.left
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in COMPARISONS.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [other()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)
    elif isinstance(node, ast.Attribute) and node.attr in WITHOUT & {"T", "mT", "mH"}:
        yield node.value
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Tuple):
        yield ast.Return(ast.UnaryOp(ast.USub(), node.value))


def _other_values(value: object) -> tuple:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return value + 1, value - 1
    if isinstance(value, float) and math.isfinite(value):
        return (2 * value, value / 2) if value else (1.0,)
    return ()


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Attribute):
        name, of = node.func.attr, node.func.value
        if name in INSTEAD:
            yield ast.Call(ast.Attribute(of, INSTEAD[name], ast.Load()), node.args, node.keywords)
        if name in WITHOUT:
            is_function = isinstance(of, ast.Name) and of.id in ("torch", "np", "math")
            yield node.args[0] if is_function and node.args else of
    for place in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:place] + node.keywords[place + 1 :])
    if len(node.args) > 1 and getattr(node.func, "attr", "") not in SYMMETRIC:
        first, second, *rest = node.args
        yield ast.Call(node.func, [second, first, *rest], node.keywords)
    if len(node.args) > 1 and not isinstance(node.args[-1], ast.Starred):
        yield ast.Call(node.func, node.args[:-1], node.keywords)
