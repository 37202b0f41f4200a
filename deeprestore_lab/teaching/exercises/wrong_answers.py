"""The wrong answers of a source as texts of cells, as a student would have written them, for a pretended class."""

import ast
import copy
from collections.abc import Mapping

from deeprestore_lab.teaching.exercises.source import Source, SourceError, SourceTask, hidden, solution, text_of


def wrong_cells(source: Source, task: SourceTask) -> dict[str, str]:
    """By the name of each misconception of a task, a cell that gives that answer, with all helpers it calls.

    What it needs of the author's part, of the solution and of earlier solutions comes along. Such a cell runs after the
    notebook's own cells, whatever stands in the cells of other tasks. Raises `SourceError` naming a misconception that
    is neither a decorated function nor `author.misconception(...)(function)`.
    """
    text = text_of(source.cells[task.solution_at])
    statements = _statements(ast.parse(hidden(text_of(source.cells[task.check_at]))))
    wrong = {name: answer for each in statements for name, answer in _misconceptions(each)}
    if not wrong:
        raise SourceError(
            f"{task.name}: no misconception is a decorated function or author.misconception(...)(function)"
        )
    is_value = not any(getattr(node, "name", "") == task.name for node in ast.parse(text).body)
    known = _known(source, task)
    for statement in statements:
        known |= dict.fromkeys(_defined(statement), _without_decorators(statement))
    return {name: _cell(task.name, answer, known, is_value=is_value) for name, answer in wrong.items()}


def right_cell(source: Source, task: SourceTask) -> str:
    """A cell with the solution, and what it calls of earlier solutions, so that it is right whatever stands there."""
    text = solution(text_of(source.cells[task.solution_at]))
    tree = ast.parse(text)
    needed = _needed(tree.body, {k: v for k, v in _known(source, task).items() if k != task.name})
    if not needed:
        return text
    return _closed(task.name, [*needed, *tree.body], ast.Name(task.name, ast.Load()))


def _known(source: Source, task: SourceTask) -> dict[str, ast.stmt]:
    """What the solutions up to this task's define, by name."""
    found: dict[str, ast.stmt] = {}
    for each in source.tasks[: source.tasks.index(task) + 1]:
        for statement in ast.parse(solution(text_of(source.cells[each.solution_at]))).body:
            found |= dict.fromkeys(_defined(statement), statement)
    return found


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """The statements of an author's part, those in a function that takes the author (`def ...(author)`) among them."""
    found = []
    for statement in tree.body:
        takes = isinstance(statement, ast.FunctionDef) and [each.arg for each in statement.args.args] == ["author"]
        found += statement.body if takes else [statement]
    return found


def _misconceptions(statement: ast.stmt) -> list[tuple[str, ast.expr | ast.FunctionDef]]:
    """The misconceptions that a statement names, each with its function."""
    if isinstance(statement, ast.FunctionDef):
        calls = [(call, statement) for call in statement.decorator_list]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and statement.value.args:
        calls = [(statement.value.func, statement.value.args[0])]
    else:
        calls = []
    return [
        (ast.literal_eval(call.args[0]), answer)
        for call, answer in calls
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "misconception" and call.args
    ]


def _defined(statement: ast.stmt) -> list[str]:
    """The names that a statement gives a meaning to."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [(each.asname or each.name).split(".")[0] for each in statement.names]
    stored = (node for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return [node.id for node in stored]


def _without_decorators(statement: ast.stmt) -> ast.stmt:
    """A misconception's function without what names it."""
    if not (isinstance(statement, ast.FunctionDef) and _misconceptions(statement)):
        return statement
    plain = copy.copy(statement)
    plain.decorator_list = []
    return plain


def _needed(of: list[ast.AST], known: Mapping[str, ast.stmt]) -> list[ast.stmt]:
    """The known statements that these call for, and those call for in turn, in the order in which they are known."""
    wanted, seen = list(of), set()
    while wanted:
        for node in ast.walk(wanted.pop()):
            if isinstance(node, ast.Name) and node.id in known and node.id not in seen:
                seen.add(node.id)
                wanted.append(known[node.id])
    return [statement for statement in dict.fromkeys(known.values()) if seen & set(_defined(statement))]


def _cell(name: str, answer: ast.expr | ast.FunctionDef, known: Mapping[str, ast.stmt], *, is_value: bool) -> str:
    own = getattr(answer, "name", None)
    others = {each: statement for each, statement in known.items() if each != own}
    needed = _needed([_without_decorators(answer)], others)
    body = [*needed, *([_without_decorators(answer)] if own else [])]
    result = ast.Name(own, ast.Load()) if own else answer
    return _closed(name, body, ast.Call(result, [], []) if is_value else result)


def _closed(name: str, body: list[ast.stmt], result: ast.expr) -> str:
    """A cell in which these statements are seen by nobody else: no name of the notebook gets another meaning."""
    lines = [*map(ast.unparse, map(ast.fix_missing_locations, body)), f"return {ast.unparse(result)}"]
    inner = "\n".join(lines)
    indented = "\n".join("    " + line if line.strip() else line for line in inner.split("\n"))
    return f"def answer_of_{name}():\n{indented}\n\n\n{name} = answer_of_{name}()\n"
