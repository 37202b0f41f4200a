"""Every command and every line of code in README.md is run, as far as a test can; what is not run is said here.

- Python code runs as it stands.
- `python -m deeprestore_lab ...` runs as it stands, with this Python in place of `.venv/bin/python`.
- `make help`, `make lab`, `make clean` and `make check` run: `lab` until its server answers, `clean` in a copy, without
  the set-up that is tested in tests/scripts.
- `make records` and `make weights` take hours: each runs with a name that there is none of, which it must say.
- `make book` and `make test` cannot run inside themselves: `.ci/run` takes the test command from README.md and runs
  it, `make test` builds the book first, and the workflow that publishes runs `make book`. Both facts are checked here.
- `make slides`, `make exercises`, `make bench`, `make lock` and `make format` take minutes, need a network or change
  files: their recipe is checked without running it (`make -n`), and what they call has tests of its own.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines() if line.strip()]
PYTHON = [text for language, text in BLOCKS if language == "python"]
CALLED_BY_CI = {"make book", "make test"}
RUN_HERE = {"make help", "make lab", "make clean", "make check", "make records", "make weights"}
RECIPE_ONLY = {"make pdf", "make slides", "make exercises", "make bench", "make lock", "make format"}
VENV = ".venv/bin/python "
PLAIN = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def make(*arguments, cwd=ROOT):
    """make without the set-up, with this Python as the environment's."""
    command = ["make", "--no-print-directory", *arguments, "SETUP=@:", f"VENV_PYTHON={sys.executable}"]
    return subprocess.run(command, cwd=cwd, env=PLAIN, capture_output=True, text=True)


def recipe(target):
    """What make would run for a target; the tests may themselves run below make, which must not show."""
    answer = subprocess.run(["make", "-n", target], cwd=ROOT, env=PLAIN, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_no_command_is_left_out():
    known = CALLED_BY_CI | RUN_HERE | RECIPE_ONLY
    assert {language for language, _ in BLOCKS} == {"sh", "python"}
    assert set(COMMANDS) - known == {command for command in COMMANDS if command.startswith(VENV)}
    assert known <= set(COMMANDS)


@pytest.mark.parametrize("text", PYTHON)
def test_the_library_in_ten_lines(text, capsys):
    assert 5 < len([line for line in text.splitlines() if line.strip()]) <= 10
    names = {}
    exec(compile(text, "README.md", "exec"), names)
    before, after = (names["drl"].metrics.psnr(x, names["x"]).item() for x in (names["y"], names["trace"].x))
    assert after > before + 5  # text taken out and noise lowered
    assert len(re.findall(r"tensor", capsys.readouterr().out)) == 2


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith(VENV)])
def test_the_command_line(command, monkeypatch, capsys):
    """Run here, as `python -m` does: a process of its own would first import torch."""
    monkeypatch.delenv("DEEPRESTORE_DATA", raising=False)
    monkeypatch.chdir(ROOT)
    flag, module, *arguments = command.split()[1:]
    assert flag == "-m"
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert ended.value.code in (0, None) and capsys.readouterr().out.strip()


@pytest.mark.parametrize("command", sorted(CALLED_BY_CI | RUN_HERE | RECIPE_ONLY))
def test_every_target_sets_up_and_has_a_recipe(command):
    lines = recipe(command.split()[1])
    setting_up = "-m scripts.environment" in lines.splitlines()[0]
    assert setting_up == (command not in ("make help", "make clean"))
    for module in re.findall(r"-m ((?:scripts|benchmarks)\S*)", lines):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), f"{command} calls {module}"


def test_ci_runs_the_test_command_and_it_builds_the_book():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"test_command=\$\(grep -xE '(.*)' README.md\)", script)
    assert [line for line in README.splitlines() if re.fullmatch(pattern, line)] == ["make test"]
    assert "tests $test_command" in script
    lines = recipe("test")
    assert lines.index("-m scripts.book") < lines.index("-m pytest")
    for workflow, command in (("tests", ".ci/run"), ("tests", "make book"), ("book", "make book")):
        text = (ROOT / f".github/workflows/{workflow}.yml").read_text(encoding="utf-8")
        assert re.search(rf"run: {re.escape(command)}$", text, flags=re.MULTILINE)


def test_make_help_lists_every_target_of_the_readme():
    shown = make("help").stdout
    assert all(command in shown for command in COMMANDS if command.startswith("make "))


def test_the_target_for_a_gpu_is_listed_and_runs_its_folder():
    assert "make test-gpu " in make("help").stdout
    assert "-m pytest -q tests/gpu" in recipe("test-gpu") and any((ROOT / "tests" / "gpu").glob("test_*.py"))


def test_make_check_finds_nothing():
    answer = make("check")
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("kind", ["records", "weights"])
def test_make_says_which_artifacts_it_can_make(kind):
    answer = make(kind, "NAME=no-such-thing")
    assert answer.returncode != 0 and f"no {kind} called no-such-thing; there are: " in answer.stderr
    assert "denoisers" in answer.stderr


def test_make_clean_removes_what_was_built_and_nothing_else(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = ["book/intro.ipynb", ".venv/stamp", "node_modules/x/__pycache__/y", "deeprestore_lab/core/seeding.py"]
    kept += [".cache/records/dip_runs-1/first.safetensors"]
    built = [
        "book/_build/html/index.html",
        "book/extra/x.js",
        ".cache/x",
        ".cache/book/executed-1/x",
        "deeprestore_lab/__pycache__/x.pyc",
        ".coverage",
    ]
    for name in kept + built:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert make("clean", cwd=tmp_path).returncode == 0
    assert all((tmp_path / name).exists() for name in kept)
    assert not any((tmp_path / name).exists() for name in built)


def fetched(address: str, *, seconds: float = 30.0) -> str:
    """What a server answers; one that has said its address may not listen yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=20) as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


@pytest.mark.slow
def test_make_lab_opens_on_the_chapters(tmp_path):
    options = "--no-browser --allow-root --port=0 --ServerApp.token=t"
    command = ["make", "lab", "SETUP=@:", f"VENV_PYTHON={sys.executable}", f"LAB_ARGS={options}"]
    env = dict(
        os.environ, JUPYTER_CONFIG_DIR=str(tmp_path), JUPYTER_RUNTIME_DIR=str(tmp_path), IPYTHONDIR=str(tmp_path)
    )
    log = tmp_path / "log"
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=file, stderr=file, start_new_session=True)
    try:
        address = None
        for _ in range(300):
            if found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()):
                address = found.group()
                break
            time.sleep(0.2)
        assert address, log.read_text()
        assert '"path": "book/intro.ipynb"' in fetched(f"{address}api/contents/book?token=t")
        assert '"path": "exercises' in fetched(f"{address}api/contents/exercises?token=t")
        assert "lab/tree/book/intro.ipynb" in log.read_text()  # what the browser opens
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def test_the_table_has_every_chapter_once_by_its_title():
    rows = re.findall(r"^\| (\d\d) \| \[(.*?)\]\((book/.*?)\) \|$", README, flags=re.MULTILINE)
    chapters = sorted(ROOT.glob("book/part*/*.ipynb"))
    titles = [json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"][0] for path in chapters]
    assert [f"# {int(number)}. {title}" for number, title, _ in rows] == [title.strip() for title in titles]
    assert [path for _, _, path in rows] == [path.relative_to(ROOT).as_posix() for path in chapters]


def test_every_link_to_a_file_leads_somewhere():
    for target in re.findall(r"\]\((?!http)(.*?)\)", README):
        assert (ROOT / target).is_file(), target
