"""The descriptions of the project agree: pyproject.toml, constraints.txt, environment.yml, CITATION.cff, version."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import deeprestore_lab

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {"distributed": "dask", "ot": "pot"}  # what `dask[distributed]` adds, and what may not be installed here


def as_pairs(lines):
    """Requirements as {(name with extras, bounds)}, however they are spelled."""
    requirements = [Requirement(line) for line in lines]
    return {(canonicalize_name(r.name), frozenset(r.extras), str(r.specifier)) for r in requirements}


def wanted():
    return as_pairs(PROJECT["dependencies"] + sum(PROJECT["optional-dependencies"].values(), []))


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def test_every_extra_that_is_asked_for_exists_and_every_one_is_asked_for():
    """By a target of the Makefile, or by the message of what misses it."""
    made = re.findall(r"^\t\$\(SETUP\)([ \w]*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    library = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "deeprestore_lab").rglob("*.py"))
    said = re.findall(r"deeprestore_lab\[(\w+)\]|extra `(\w+)`", library)
    asked = set(" ".join(made).split()) | {name for pair in said for name in pair if name}
    assert len(made) > 8 and len(said) > 5
    assert asked == set(PROJECT["optional-dependencies"])


def test_every_name_has_one_bound():
    names = [name for name, _, _ in wanted()]
    assert len(names) == len(set(names))


def test_conda_users_get_the_same_set():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert f"python{PROJECT['requires-python']}" in conda
    assert "--constraint constraints.txt" in pip and "--editable ." in pip
    assert as_pairs(line for line in pip if not line.startswith("--")) == wanted()


def test_every_dependency_is_pinned_within_its_bounds():
    found = {}
    for pin in pins():
        found.setdefault(canonicalize_name(pin.name), []).append(pin)
    for name, _, bounds in wanted():
        assert name in found, f"{name} is not pinned: run `make lock`"
        for pin in found[name]:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert Requirement(f"{name}{bounds}").specifier.contains(exact.version, prereleases=True), pin


def test_pins_hold_no_address():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|@|--", text)


def imported(file: Path) -> set[str]:
    """The first names of all modules that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0]
    return {name.partition(".")[0] for name in names}


def declared(*, tests: bool) -> set[str]:
    """The names of the packages of all extras, without those of the extra `tests` where it is not asked for."""
    extras = [lines for extra, lines in PROJECT["optional-dependencies"].items() if tests or extra != "tests"]
    return {name for name, _, _ in as_pairs(PROJECT["dependencies"] + sum(extras, []))}


def undeclared(files: list[Path], *, tests: bool) -> set[tuple[str, str]]:
    """(file, module) for what belongs to no package that is asked for, as the installed packages say."""
    owners, allowed = importlib.metadata.packages_distributions(), declared(tests=tests)
    own = {path.stem for path in (ROOT / "tests/support").glob("*.py")} | set(sys.stdlib_module_names)
    own |= {"deeprestore_lab", "scripts", "benchmarks"}
    found = set()
    for file in files:
        for module in imported(file) - own - {path.stem for path in file.parent.glob("*.py")}:
            if not allowed & {
                canonicalize_name(owner) for owner in [MODULES.get(module, module), *owners.get(module, [])]
            }:
                found.add((str(file.relative_to(ROOT)), module))
    return found


def test_what_is_imported_is_asked_for():
    """What only comes along with another package may be gone in its next version."""
    working = {file for place in ("deeprestore_lab", "scripts", "book/_ext") for file in (ROOT / place).rglob("*.py")}
    testing = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py"), ROOT / "conftest.py"]
    assert len(working) > 100 and len(testing) > 100
    assert undeclared(sorted(working), tests=False) == set()
    assert undeclared(testing, tests=True) == set()


def test_a_module_of_no_package_is_found():
    assert {"yaml", "packaging", "deeprestore_lab"} <= imported(Path(__file__))
    assert undeclared([Path(__file__)], tests=False) == {("tests/test_packaging.py", "packaging")}


def test_torch_and_torchvision_are_a_pair():
    """torchvision's own requirement, as installed here, is the oracle for the pins."""
    pinned = {pin.name: str(pin.specifier).removeprefix("==") for pin in pins()}
    installed = importlib.metadata.version("torchvision").split("+")[0]
    assert installed == pinned["torchvision"]
    needs = [Requirement(line) for line in importlib.metadata.requires("torchvision")]
    (torch,) = [need for need in needs if need.name == "torch"]
    assert torch.specifier.contains(pinned["torch"])


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == deeprestore_lab.__version__
    assert deeprestore_lab.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"Version {deeprestore_lab.__version__}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert citation["license"] == PROJECT["license"] == "BSD-3-Clause"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause License")


def test_hooks_and_workflows_are_readable_and_local():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    jobs = {}
    for name in ("tests", "book"):
        jobs |= yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))["jobs"]
    commands = [step.get("run") for job in jobs.values() for step in job["steps"]]
    assert ".ci/run" in commands and "make book" in commands


def test_type_checkers_are_told_that_the_library_has_types():
    """PEP 561: without the marker they take nothing from it."""
    assert (ROOT / "deeprestore_lab" / "py.typed").is_file()
