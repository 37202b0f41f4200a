"""The book's page of an exercise: tasks, folded solutions, and the wrong versions that the check knows."""

import re

from deeprestore_lab.course.exercises.keys import Key, Misconception
from deeprestore_lab.teaching.exercises.shown import plain_cells
from deeprestore_lab.teaching.exercises.source import Source, SourceTask, solution, starter, text_of

GET = """\
{chapter}
Get {{download}}`the notebook <{notebook}>` and write the answers yourself: it checks each one, and says what is wrong
with a wrong one. It needs the library and Jupyter; `make lab` in a
copy of the project has both. Here the solutions are folded away, below each task.
"""


def page_text(source: Source, key: Key, *, notebook: str, chapter: str | None = None, outputs: bool = False) -> str:
    """The page in MyST Markdown; `notebook` and `chapter`, which it belongs to, are named as seen from the page.

    Text cells stand as they are; code cells other than solutions are left to the notebook. With `outputs` the page asks
    for what they show in a solved notebook, by a directive that this project's book knows.
    """
    by_text = {task.text_at: task for task in source.tasks}
    by_solution = {task.solution_at: task for task in source.tasks}
    plain = set(plain_cells(source)) if outputs else set()
    parts = []
    for place, cell in enumerate(source.cells):
        text = text_of(cell).strip()
        if place in by_text:
            parts.append(_exercise(source, by_text[place], text))
        elif place in by_solution:
            task = by_solution[place]
            parts += [_solution(source, task, text), _wrong_versions(key.tasks[task.name].misconceptions)]
        elif cell["cell_type"] == "markdown":
            parts.append(text)
        elif place in plain:
            parts.append(f"```{{solved}} {source.name} {cell['id']}\n```")
        if place == 0:
            belongs = f"The chapter to read first: {{doc}}`{chapter}`.\n" if chapter else ""
            parts.append(GET.format(chapter=belongs, notebook=notebook).strip())
    return "\n\n".join(parts) + "\n"


def _exercise(source: Source, task: SourceTask, text: str) -> str:
    heading, _, body = text.partition("\n")
    start = _code(starter(text_of(source.cells[task.solution_at])))
    return f"{heading}\n\n" + _directive(
        "exercise", "", f":label: {_label(source, task)}\n:nonumber:", f"{body.strip()}\n\n{start}"
    )


def _solution(source: Source, task: SourceTask, text: str) -> str:
    return _directive("solution", _label(source, task), ":class: dropdown", _code(solution(text)))


def _wrong_versions(misconceptions: tuple[Misconception, ...]) -> str:
    lines = [f"- **{_plain(m.name[:1].upper() + m.name[1:])}.** {_plain(m.hint)}" for m in misconceptions]
    return _directive("admonition", "Wrong versions that the check knows", ":class: dropdown", "\n".join(lines))


def _plain(text: str) -> str:
    """A sentence of a check as Markdown: its stars and dollars are no markup outside of backticks.

    >>> print(_plain("x* is not `x*`"))
    x\\* is not `x*`
    """
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else re.sub(r"([*$<])", r"\\\1", part) for part in parts)


def _label(source: Source, task: SourceTask) -> str:
    return f"exercise-{source.name}-{task.name}".replace("_", "-")


def _code(text: str) -> str:
    return f"```python\n{text.strip()}\n```"


def _directive(name: str, argument: str, option: str, body: str) -> str:
    longest = max([3, *(len(run) for run in re.findall(r"`{3,}", body))])
    fence = "`" * (longest + 1)
    first = f"{fence}{{{name}}} {argument}".rstrip()
    return f"{first}\n{option}\n\n{body.strip()}\n{fence}"
