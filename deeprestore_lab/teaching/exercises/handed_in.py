"""Find what students handed in, whatever their browser called it, before nbgrader looks for it by name."""

import json
from functools import cache
from pathlib import Path

from deeprestore_lab.teaching.exercises.source import read_source

ENDINGS = (".ipynb", ".json", ".txt")  # browsers add the others: `10_map.ipynb.txt`


def put_in_place(course: Path) -> list[str]:
    """Give each notebook below `submitted/STUDENT/NAME/` the name `NAME.ipynb`; what only a person can settle.

    `10_map (1).ipynb` and the like are known by the cells that were handed out, so a notebook of another exercise is
    never taken for it. Nothing is renamed where two could be meant. The sentences name the student, the files and
    what to do; nothing in the folder, or no folder, means that nothing was handed in.
    """
    problems = []
    for folder in sorted(path for path in (course / "submitted").glob("*/*") if path.is_dir()):
        name = folder.name
        source = course / "source" / name / f"{name}.ipynb"
        if source.is_file() and (problem := _settle(folder, name, named_cells(source))):
            problems.append(f"{folder.parent.name}: {problem}")
    return problems


@cache
def named_cells(source: Path) -> frozenset[str]:
    """What nbgrader calls the solutions and the checks of an exercise."""
    return frozenset(f"{prefix}{task.name}" for task in read_source(source).tasks for prefix in ("", "check_"))


def _settle(folder: Path, name: str, ids: frozenset[str]) -> str | None:
    """Rename the one notebook of the exercise in a folder, or say why that cannot be done."""
    wanted = folder / f"{name}.ipynb"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".ipynb_checkpoints" not in path.parts]
    found = [path for path in files if path.suffix.lower() in ENDINGS and _is_of(path, ids)]
    names = ", ".join(str(path.relative_to(folder)) for path in found or files)
    if not files or found == [wanted]:
        return None
    if not found:
        return f"no notebook of {name} was handed in, but {names}. Is it of another exercise, or damaged?"
    if len(found) > 1:
        return f"more than one notebook of {name} was handed in: {names}. Keep the one to grade in submitted/."
    if wanted.exists():
        return f"{wanted.name} is no notebook of {name}, but {names} is. Keep the one to grade in submitted/."
    found[0].rename(wanted)
    return None


def _is_of(path: Path, ids: frozenset[str]) -> bool:
    try:
        return is_of(path.read_text(encoding="utf-8"), ids)
    except (OSError, ValueError):
        return False


def is_of(text: str, ids: frozenset[str]) -> bool:
    """Whether a text is a notebook most of whose named cells are those of an exercise.

    Raises `ValueError` where it is no notebook at all.
    """
    try:
        cells = json.loads(text)["cells"]
        named = {cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells} - {None}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no notebook: {type(error).__name__}") from None
    return 2 * len(named & ids) > len(named)
