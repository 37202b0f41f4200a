"""No file of the project names a machine's folder or the host of a package registry."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Built from parts, so that this file does not hold what it looks for.
FOLDERS = ["work", "farm", "root", "tmp/bash" + "_jobs", "Users/[a-z]", "home/[a-z]"]
HOSTS = [
    "py" + "pi",
    "python" + "hosted",
    "npm" + "js",
    "deb" + ".debian",
    "conda.ana" + "conda",
    "download.py" + "torch",
]
FORBIDDEN = re.compile(rf"(?<![\w.~])/(?:{'|'.join(FOLDERS)})(?:/|\b)|\b(?:{'|'.join(map(re.escape, HOSTS))})\.", re.I)


def project_files() -> list[Path]:
    """Files that are tracked, or would be if all were added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if answer.returncode != 0:
        pytest.skip("this is not a clone of the repository")
    return [ROOT / name for name in answer.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_machine_or_a_registry():
    files = project_files()
    assert len(files) > 50
    found = []
    for path in files:
        for number, line in enumerate(path.read_bytes().decode(errors="ignore").splitlines(), start=1):
            if match := FORBIDDEN.search(line[:20_000]):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "open('/" + "work/main/x')",
        "cd /" + "root/project",
        "https://files.python" + "hosted.org/packages",
        "index = https://py" + "pi.org/simple",
        "registry.npm" + "js.org",
    ],
)
def test_the_pattern_sees_them(line):
    assert FORBIDDEN.search(line)


@pytest.mark.parametrize("line", ["the network/working set", "~/" + "work/", "`pip install`", "a/root/b"])
def test_the_pattern_leaves_plain_text_alone(line):
    assert not FORBIDDEN.search(line)


def git(*command, cwd=ROOT):
    answer = subprocess.run(["git", *command], cwd=cwd, capture_output=True, text=True)
    if answer.returncode != 0 and cwd == ROOT:
        pytest.skip("this is not a clone of the repository")
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_every_text_is_tracked_with_plain_line_ends_and_named_as_text():
    for line in git("ls-files", "--eol").splitlines():
        state, name = line.split("\t")
        stored, attribute = state.split()[0], state.split("attr/")[1].strip()
        assert stored in ("i/lf", "i/none", "i/-text"), line
        assert attribute == ("-text" if stored == "i/-text" else "text=auto eol=lf"), f"{name}: see .gitattributes"


def test_a_clone_with_windows_line_ends_has_what_was_tracked(tmp_path):
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    shipped = ROOT / "deeprestore_lab" / "core" / "shipped" / "records"
    files = [
        ROOT / ".gitattributes",
        shipped / "calibration.json",
        shipped / "calibration.card.json",
        ROOT / "Makefile",
    ]
    files += [
        ROOT / ".ci" / "run",
        next(shipped.glob("*.webp")),
        next((shipped.parent / "weights").glob("*.safetensors")),
    ]
    for path in files:
        (origin / path.name).write_bytes(path.read_bytes())
    git("init", "--quiet", cwd=origin)
    git("add", "--all", cwd=origin)
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=all", cwd=origin)
    git("-c", "core.autocrlf=true", "clone", "--quiet", str(origin), str(clone), cwd=tmp_path)
    for path in files:
        assert (clone / path.name).read_bytes() == path.read_bytes(), path.name
