"""What `python -m deeprestore_lab doctor` looks at: versions, the device, the data tiers, the tools around."""

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from typing import NamedTuple

from deeprestore_lab import __version__

OLDEST_PYTHON = (3, 11)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Finding(NamedTuple):
    """One line of the report. `state` is "ok", "missing" (something optional) or "broken" (something required)."""

    topic: str
    state: str
    text: str


def examine() -> list[Finding]:
    """All findings, in the order in which they are shown. No check can stop the others."""
    packages = _guarded("installation", _packages)
    return [
        *_system(),
        *packages,
        *_guarded("torch and torchvision", _pair),
        *_guarded("torch", _torch),
        *_tiers(),
        *_tools(),
    ]


def _system() -> list[Finding]:
    state = "ok" if sys.version_info >= OLDEST_PYTHON else "broken"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    python = f"{platform.python_version()} ({'.'.join(map(str, OLDEST_PYTHON))} or newer is needed)"
    return [
        Finding("deeprestore_lab", "ok", __version__),
        Finding("machine", "ok", machine),
        Finding("python", state, python),
    ]


def _packages() -> list[Finding]:
    """The core dependencies, as the installed package states them."""
    try:
        lines = importlib.metadata.requires("deeprestore_lab") or []
    except importlib.metadata.PackageNotFoundError:
        return [Finding("installation", "broken", "the package is not installed: run `make book`")]
    return [_package(re.match(r"[\w.-]+", line).group()) for line in lines if "extra ==" not in line]


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "broken", "is not installed: run `make book` again")


def _guarded(topic: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as error:  # whatever is wrong here is what the reader wants to be told
        return [Finding(topic, "broken", f"{type(error).__name__}: {error}")]


def _pair() -> list[Finding]:
    """Whether torch is the one that torchvision asks for, as both say: to import torchvision and try takes seconds."""
    torch, torchvision = (importlib.metadata.version(name) for name in ("torch", "torchvision"))
    needs = next((need for need in importlib.metadata.requires("torchvision") or [] if re.match(r"torch\b", need)), "")
    sign, wanted = (re.search(r"(==|>=)\s*([\d.]+)", needs) or re.search("(>=)(0)", ">=0")).groups()
    number, _, build = torch.partition("+")
    fits = number == wanted if sign == "==" else _numbers(number) >= _numbers(wanted)
    other = torchvision.partition("+")[2]
    if not fits:
        return [Finding("torch and torchvision", "broken", f"torchvision {torchvision} needs {needs}, here is {torch}")]
    if build and other and build != other:
        text = f"torch {torch} and torchvision {torchvision} were built for different machines"
        return [Finding("torch and torchvision", "broken", text)]
    return [Finding("torch and torchvision", "ok", "belong together")]


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _torch() -> list[Finding]:
    import torch

    if torch.cuda.is_available():
        device = f"cuda: {torch.cuda.get_device_name()}"
    elif torch.backends.mps.is_available():
        device = "mps: Apple's GPU"
    else:
        device = "cpu"
    return [Finding("device", "ok", device), Finding("threads", "ok", f"{torch.get_num_threads()} for torch")]


def _tiers() -> list[Finding]:
    return [
        *_guarded("embedded photographs", _photographs),
        *_guarded("embedded digits", _digits),
        *_guarded("shipped artifacts", _artifacts),
        *_guarded("data tiers", _sources),
    ]


def _photographs() -> list[Finding]:
    from deeprestore_lab import images

    broken = []
    for name in images.photograph_names():
        try:
            images.photograph(name, size=16)
        except (OSError, ValueError) as error:
            broken.append(f"{name}: {error}")
    if broken:
        return [Finding("embedded photographs", "broken", "; ".join(broken))]
    return [Finding("embedded photographs", "ok", f"{len(images.photograph_names())} can be read")]


def _digits() -> list[Finding]:
    from deeprestore_lab import data

    counts = [len(data.embedded_mnist(split)[1]) for split in ("train", "test")]
    return [Finding("embedded digits", "ok", f"{counts[0]} to learn from and {counts[1]} to test with can be read")]


def _artifacts() -> list[Finding]:
    from deeprestore_lab.core import artifacts

    names = artifacts.available()
    for name in names["records"]:
        artifacts.load_record(name)
        for file in artifacts.card(name, kind="records").sha256:
            if file.endswith(artifacts.PICTURE_SUFFIXES):
                artifacts.load_picture(name, file.removeprefix(f"{name}."))
    for name in names["weights"]:
        artifacts.load_weights(name)
    text = "; ".join(f"{kind}: {', '.join(names[kind]) or 'none'}" for kind in names)
    return [Finding("shipped artifacts", "ok", text)]


def _sources() -> list[Finding]:
    from deeprestore_lab import data

    sources, found = data.sources(), []
    absent = {
        "embedded": "nothing",
        "local": "nothing; DEEPRESTORE_DATA "
        + ("names a folder without data" if data.local_folder() else "is not set"),
        "network": "nothing fetched yet",
    }
    for tier, none in absent.items():
        here = [source.name for source in sources if source.tier == tier and source.available]
        rest = [source.name for source in sources if source.tier == tier and not source.available]
        text = ", ".join(here) or none
        found.append(
            Finding(
                f"{tier} data", "ok" if here else "missing", text + (f" (not here: {', '.join(rest)})" * bool(rest))
            )
        )
    return found


def find_chromium() -> str | None:
    """Where a Chromium lies, the first of `BROWSERS` that is found; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _tools() -> list[Finding]:
    wanted = {
        "jupyter-book": (shutil.which("jupyter-book", path=_here()), "`make book` installs it"),
        "npm": (shutil.which("npm"), "without it pages need a network to slide"),
        "browser": (find_chromium(), "without a Chromium browser tests are skipped"),
    }
    return [
        Finding(name, "ok", "found") if path else Finding(name, "missing", f"not found; {loss}")
        for name, (path, loss) in wanted.items()
    ]


def _here() -> str:
    """Where programs are looked for: beside this Python first."""
    return os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
