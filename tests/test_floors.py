"""The floors of the house: what each module may import, read from the source without running it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "deeprestore_lab"

MOST_ROOMS = 20

# The rooms of each floor. The table in CONTRIBUTING.md says the same.
FLOORS = {
    0: "core data images signal",
    1: "backbones networks operators",
    2: "energies measures parametrisations priors",
    3: "sampling solve training",
    4: "baselines generators inverse_networks style",
    5: "__main__ course teaching",
}
FLOOR = {module: floor for floor, modules in FLOORS.items() for module in modules.split()}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below the package, `__init__` of folders included."""
    paths = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
    names = {path: path.relative_to(PACKAGE).with_suffix("").parts for path in paths}
    return {".".join(part for part in parts if part != "__init__"): path for path, parts in names.items()}


def imports(path: Path, known: set[str]) -> set[str]:
    """Modules of the package that a file imports, anywhere: late in a function too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively; write the full name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")[1:] if name.startswith("deeprestore_lab.") else []
            while parts and ".".join(parts) not in known:
                parts.pop()
            if parts:
                found.add(".".join(parts))
    return found


MODULES = modules()
GRAPH = {name: imports(path, set(MODULES)) for name, path in MODULES.items()}


def top(module: str) -> str:
    return module.split(".")[0]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A way through the graph that comes back to where it was, or nothing."""
    done: set[str] = set()
    under_way: list[str] = []

    def visit(name: str) -> list[str]:
        if name in under_way:
            return [*under_way[under_way.index(name) :], name]
        if name in done:
            return []
        under_way.append(name)
        for other in sorted(graph.get(name, ())):
            if found := visit(other):
                return found
        done.add(under_way.pop())
        return []

    return next(filter(None, map(visit, sorted(graph))), [])


def test_the_rooms_are_those_of_the_table():
    """Each has a floor, and the table names none that is not there."""
    here = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert here | {"__main__"} == set(FLOOR), "give each room a floor, here and in CONTRIBUTING.md"
    assert len(here) <= MOST_ROOMS
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} <= {"__init__.py", "__main__.py", "py.typed"}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_imported_from_a_floor_above(module):
    above = [other for other in GRAPH[module] if FLOOR[top(other)] > FLOOR[top(module)]]
    assert not above, f"{module} (floor {FLOOR[top(module)]}) imports {above}"


def test_no_two_files_import_each_other():
    """Not even late, inside a function."""
    assert not circle(GRAPH), "a circle of imports: " + " -> ".join(circle(GRAPH))


def test_no_two_rooms_import_each_other():
    rooms: dict[str, set[str]] = {}
    for module, others in GRAPH.items():
        rooms.setdefault(top(module), set()).update({top(other) for other in others} - {top(module)})
    assert not circle(rooms), "a circle of rooms: " + " -> ".join(circle(rooms))


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_imports_are_seen():
    """The parser finds what is known to be there, so that the tests above cannot pass by seeing nothing."""
    assert "energies" in GRAPH["priors.base"] and "core.checks" in GRAPH["measures.metrics"]


def test_contributing_has_the_same_table():
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for floor, names in FLOORS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {floor} |"))
        named = re.findall(r"`(\w+)`", row.split("|")[2])
        assert sorted(named) == sorted(names.split()), f"row {floor} of the table names {named}"


def test_only_core_packages_are_imported_at_the_top():
    """Extras are imported inside the function that needs them, so that the library works without them."""
    import sys
    import tomllib

    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    renamed = {"scikit-image": "skimage", "scikit-learn": "sklearn", "pillow": "PIL"}
    names = [line.split(">")[0] for line in project["dependencies"]]
    # IPython comes with ipywidgets
    allowed = {renamed.get(name, name) for name in names} | {"deeprestore_lab", "IPython", "__future__"}
    allowed -= {"torchvision"}  # its import takes longer than torch's, and only downloads need it
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                packages = {alias.name.split(".")[0] for alias in node.names}
            else:
                packages = {node.module.split(".")[0]} if isinstance(node, ast.ImportFrom) else set()
            assert packages <= allowed | set(sys.stdlib_module_names), f"{module} imports {packages - allowed}"


def test_every_room_has_a_page_and_the_contents_name_it():
    book = PACKAGE.parent / "book"
    rooms = {name for name in FLOOR if not name.startswith("_")}
    assert {path.stem for path in (book / "api").glob("*.md")} == rooms
    named = re.findall(r"- file: api/(\w+)", (book / "_toc.yml").read_text(encoding="utf-8"))
    linked = re.findall(r"\(api/(\w+)\.md\)", (book / "api.md").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(linked) == sorted(rooms)
