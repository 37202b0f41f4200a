"""The floors of the house: what each module may import, read from the source without running it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "deeprestore_lab"

# The highest part of a module's name that stands here decides its floor. The table in CONTRIBUTING.md says the same.
FLOORS = {
    0: "arithmetic artifacts capture checks convolution corruptions data data_files data_sources dependence digits "
    "distortions filters image_files image_transforms images kernels machine masks metrics noise "
    "painted_patterns patterns photographs printing seeding writing",
    1: "backbones backpropagation discrepancies frames losses networks operators perceptual retrieval sample_quality "
    "score_matching",
    2: "energies parametrisations priors",
    3: "solve training weight_choice",
    4: "baselines generators inverse_networks sample style",
    5: "__main__ claims doctor exercises figures submission sweeps widgets",
}
FLOOR = {module: floor for floor, modules in FLOORS.items() for module in modules.split()}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below the package, `__init__` of folders included."""
    paths = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
    names = {path: path.relative_to(PACKAGE).with_suffix("").parts for path in paths}
    return {".".join(part for part in parts if part != "__init__"): path for path, parts in names.items()}


def imports(path: Path, known: set[str], *, at_import: bool = False) -> set[str]:
    """Modules of the package that a file imports, anywhere, or when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if at_import else ast.walk(tree):
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


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_a_floor(module):
    assert top(module) in FLOOR, f"give {top(module)} a floor, here and in CONTRIBUTING.md"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_imported_from_a_floor_above(module):
    above = [other for other in GRAPH[module] if FLOOR[top(other)] > FLOOR[top(module)]]
    assert not above, f"{module} (floor {FLOOR[top(module)]}) imports {above}"


def test_no_two_modules_import_each_other():
    """Not when they are imported, that is: a method may still import late what is built from its own class."""
    graph = {name: imports(path, set(MODULES), at_import=True) for name, path in MODULES.items()}
    done, under_way = set(), []

    def visit(module):
        assert module not in under_way, "a circle of imports: " + " -> ".join([*under_way, module])
        if module not in done:
            under_way.append(module)
            for other in sorted(graph[module]):
                visit(other)
            done.add(under_way.pop())

    for module in MODULES:
        visit(module)


def test_imports_are_seen():
    """The parser finds what is known to be there, so that the tests above cannot pass by seeing nothing."""
    assert "energies" in GRAPH["priors.base"] and "checks" in GRAPH["metrics"]


def test_contributing_has_the_same_table():
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for floor, names in FLOORS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {floor} |"))
        missing = [name for name in names.split() if f"`{name}`" not in row]
        assert not missing, f"row {floor} of the table lacks {missing}"


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
