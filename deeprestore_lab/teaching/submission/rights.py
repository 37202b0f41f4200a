"""Which files a confined program may use, and how."""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from deeprestore_lab.teaching.submission import linux

SYSTEM = "/usr /lib /lib64 /lib32 /bin /sbin /opt /nix/store /gnu/store /proc /sys/devices/system".split()
SETTINGS = "ld.so.cache ld.so.conf ld.so.conf.d localtime passwd group fonts ssl mime.types nsswitch.conf alternatives"


def rights_of(folder: Path, readable: Sequence[str]) -> dict[str, int]:
    """What may be done where: all in its folder, reading of Python, this library and the system."""
    look = linux.READ | linux.LIST
    here = Path(__file__).resolve().parents[2]
    rights = {str(here.parent): linux.LIST}
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), *site.getsitepackages()]
    for path in [*SYSTEM, *python, str(here)]:
        rights[path] = look | linux.EXECUTE
    for path in [*(f"/etc/{name}" for name in SETTINGS.split()), *readable]:
        rights[path] = look
    for path in ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"):
        rights[path] = linux.READ | linux.WRITE
    made = linux.REMOVE | linux.MAKE_FOLDER | linux.MAKE_FILE | linux.MOVE | linux.SHORTEN
    rights[str(folder)] = look | linux.EXECUTE | linux.WRITE | made
    return rights
