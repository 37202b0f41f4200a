"""Make or refresh the project's `.venv`: `python3 -m scripts.environment [EXTRA ...]`.

The extras asked for are added to those already there, so one environment serves every make target. Nothing is done
where the dependencies have not changed since the last complete set-up (the stamp in `.venv` says so). Only the
standard library is used, and no syntax newer than Python 3.8, so that an old Python can still say what is missing.

uv (installed from pip into the environment) does the work, or pip where uv cannot be had. On Linux without an NVIDIA
GPU the CPU builds of torch are taken where uv's CPU backend can be reached: 5 GB less.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import ROOT

OLDEST = (3, 11)
CANDIDATES = ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python")
STAMP = "deeprestore_lab.json"
GIGABYTE = 10**9
SPACE_NEEDED = {"cuda": 9 * GIGABYTE, "cpu": 4 * GIGABYTE, "refresh": 1 * GIGABYTE}
IMPORT_CHECK = (
    "import torch, torchvision; "
    "torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5); "
    "print('torch', torch.__version__, 'and torchvision', torchvision.__version__, 'work together')"
)


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what to do."""


def venv_python(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def python_version(command: str) -> tuple[int, int] | None:
    """(major, minor) of an interpreter, or None where it does not start."""
    asked = [command, "-c", "import sys; print(sys.version_info[0], sys.version_info[1])"]
    try:
        answer = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
        major, minor = answer.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def find_python(candidates: tuple[str, ...] = (sys.executable,) + CANDIDATES) -> str:
    """The first interpreter that is new enough. Raises `SetupError` naming the versions found."""
    found: dict[str, tuple[int, int]] = {}
    for command in candidates:
        version = python_version(command)
        if version and version >= OLDEST:
            return command
        if version:
            found[command] = version
    wanted = "Python {}.{} or newer is needed".format(*OLDEST)
    seen = ", ".join("{}.{} ({})".format(*version, command) for command, version in found.items())
    raise SetupError(f"{wanted}, found {seen or 'none'}. Install one and run the command again.")


def fingerprint(root: Path) -> str:
    """A sum over what decides which packages are installed, and over where the project lies."""
    parts = [str(root).encode()] + [(root / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_stamp(venv: Path) -> dict:
    """What the last complete set-up wrote: fingerprint and extras; empty where there was none."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        return {"fingerprint": str(stamp["fingerprint"]), "extras": sorted(map(str, stamp["extras"]))}
    except (OSError, ValueError, KeyError, TypeError):
        return {"fingerprint": "", "extras": []}


def write_stamp(venv: Path, current: str, extras: list[str]) -> None:
    """Say that the set-up is complete; in one step, so an interrupted one leaves no stamp."""
    part = venv / (STAMP + ".part")
    part.write_text(json.dumps({"fingerprint": current, "extras": extras}) + "\n", encoding="utf-8")
    os.replace(part, venv / STAMP)


def is_complete(venv: Path, current: str, extras: list[str]) -> bool:
    """Whether the environment already holds what is asked for."""
    stamp = read_stamp(venv)
    return stamp["fingerprint"] == current and set(extras) <= set(stamp["extras"]) and venv_python(venv).exists()


def has_nvidia_gpu() -> bool:
    """Whether an NVIDIA driver is at work on this machine."""
    return bool(shutil.which("nvidia-smi")) or Path("/proc/driver/nvidia/version").exists()


def check_space(folder: Path, needed: int) -> None:
    """Raise `SetupError` where the disk of `folder` has less than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(
            f"not enough disk space: {needed / GIGABYTE:.0f} GB are needed in {folder}, "
            f"{free / GIGABYTE:.1f} GB are free. Free some, then run the command again: it goes on where it stopped."
        )


def run(command: list[str], *, failure: str, env: dict[str, str] | None = None) -> None:
    """Run a command with its output shown. Raises `SetupError` with `failure` where it does not succeed."""
    if subprocess.run(command, cwd=str(ROOT), env=env).returncode != 0:
        raise SetupError(failure)


def quiet(command: list[str], *, env: dict[str, str] | None = None, given: str = "", seconds: int = 600) -> bool:
    """Whether a command succeeds; its output is dropped."""
    try:
        answer = subprocess.run(
            command, cwd=str(ROOT), env=env, input=given.encode(), timeout=seconds,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return answer.returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def make_venv(venv: Path) -> None:
    """Make the environment where it is missing, broken, or of a Python that is too old."""
    version = python_version(str(venv_python(venv))) if venv_python(venv).exists() else None
    if version and version >= OLDEST:
        return
    python = find_python()
    check_space(ROOT, SPACE_NEEDED["refresh"])
    print("Making .venv with Python {}.{}".format(*python_version(python)), flush=True)
    run(
        [python, "-m", "venv", "--clear", str(venv)],
        failure="The virtual environment could not be made. On Debian and Ubuntu install the package python3-venv.",
    )


def get_uv(venv: Path) -> list[str] | None:
    """The command of uv inside the environment, installed from pip where missing; None where it cannot be had."""
    python = str(venv_python(venv))
    uv = [python, "-m", "uv"]
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv>=0.7"]
    if quiet([*uv, "--version"]) or (quiet(install) and quiet([*uv, "--version"])):
        return uv
    print("uv cannot be had here; installing with pip, which takes longer.", flush=True)
    return None


def torch_pin(root: Path) -> str:
    """The pinned requirement of torch, from the constraints."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next((line.strip() for line in lines if line.startswith("torch==")), "torch")


def holds_pinned_torch(python: str) -> bool:
    """Whether the environment has the pinned torch already, in whatever build."""
    check = "import importlib.metadata as m; assert 'torch==' + m.version('torch').split('+')[0] == {!r}"
    return quiet([python, "-c", check.format(torch_pin(ROOT))])


def cpu_backend_answers(uv: list[str]) -> bool:
    """Whether uv's CPU builds of torch can be reached: one resolution of torch alone, a few seconds at most."""
    env = dict(os.environ, UV_HTTP_TIMEOUT="5", UV_HTTP_RETRIES="0")
    command = [*uv, "pip", "compile", "-", "--no-deps", "--torch-backend", "cpu", "--refresh-package", "torch"]
    return quiet([*command, "--python-version", "3.11"], env=env, given=torch_pin(ROOT) + "\n", seconds=15)


def wants_cpu_builds(uv: list[str] | None) -> bool:
    """Whether to ask for the CPU builds of torch; a choice made in `UV_TORCH_BACKEND` is left to uv."""
    if uv is None or not sys.platform.startswith("linux") or "UV_TORCH_BACKEND" in os.environ or has_nvidia_gpu():
        return False
    if cpu_backend_answers(uv):
        return True
    print("No GPU here, but uv's CPU builds of torch cannot be reached: taking the default ones (5 GB more).")
    return False


def compiled_now() -> list[str]:
    """What uv is asked for where Python keeps no bytecode: to compile at once what each process would compile anew.

    There `import torch` takes 8 seconds of CPU in every process, and 4 with bytecode. pip compiles by itself. Elsewhere
    Python keeps what the first import compiled, and nobody waits for packages that nothing imports.
    """
    return ["--compile-bytecode"] if os.environ.get("PYTHONDONTWRITEBYTECODE") else []


def install(venv: Path, extras: list[str]) -> None:
    """Install the project, editable, with its extras and pinned dependencies."""
    python = str(venv_python(venv))
    has_torch = holds_pinned_torch(python)
    check_space(ROOT, SPACE_NEEDED["refresh" if has_torch else "cpu"])
    uv = get_uv(venv)
    cpu = not has_torch and wants_cpu_builds(uv)
    if not has_torch:
        check_space(ROOT, SPACE_NEEDED["cuda" if sys.platform.startswith("linux") and not cpu else "cpu"])
    project = [".[{}]".format(",".join(extras)) if extras else "."]
    wanted = ["--editable", *project, "--constraint", "constraints.txt"]
    print("Installing the project with: " + (", ".join(extras) or "no extras"), flush=True)
    failure = "The packages could not be installed (see above). Check the connection, then run the command again."
    if uv is None:
        pip = [python, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
        return run([*pip, *wanted], failure=failure)
    command = [*uv, "pip", "install", "--python", python, *compiled_now()]
    if cpu:
        try:
            return run([*command, *wanted, "--torch-backend", "cpu"], failure=failure)
        except SetupError:
            print("The CPU builds of torch failed to install: taking the default ones.", flush=True)
            check_space(ROOT, SPACE_NEEDED["cuda"])
    run([*command, *wanted], failure=failure)


def set_up(extras: list[str], *, venv: Path = ROOT / ".venv") -> None:
    """Bring the environment to what pyproject.toml and constraints.txt say, with these extras and those it has."""
    current = fingerprint(ROOT)
    if is_complete(venv, current, extras):
        return
    make_venv(venv)
    extras = sorted(set(extras) | set(read_stamp(venv)["extras"]))
    (venv / STAMP).unlink(missing_ok=True)
    install(venv, extras)
    run(
        [str(venv_python(venv)), "-c", IMPORT_CHECK],
        failure="torch and torchvision do not work together (see above): they must come as a pair from one index. "
        "Delete .venv and run the command again.",
    )
    write_stamp(venv, current, extras)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 1 with a message on standard error where the set-up cannot be completed."""
    parser = argparse.ArgumentParser(
        prog="python3 -m scripts.environment", description="Make or refresh the project's .venv."
    )
    parser.add_argument("extras", nargs="*", help="extras of pyproject.toml, such as: book tests")
    try:
        set_up(parser.parse_args(arguments).extras)
    except SetupError as error:
        print(f"\nSet-up stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up interrupted: run the command again, it goes on where it stopped.", file=sys.stderr)
        return 130
    return 0
