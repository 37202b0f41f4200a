"""The tests' own hooks: blocked sockets, the order of files, the seeds."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[1]

SOCKETS = """
import socket
import pytest

@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 80)])
def test_away_is_refused(address):
    with pytest.raises(PermissionError, match=address[0]):
        socket.create_connection(address, timeout=0.2)

def test_a_lookup_is_refused():
    with pytest.raises(PermissionError):
        socket.getaddrinfo("example.org", 80)

def test_this_machine_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            assert client.getpeername()[0] == "127.0.0.1"

def test_local_sockets_work():
    one, other = socket.socketpair()
    one.send(b"x")
    assert other.recv(1) == b"x"
    one.close()
    other.close()
"""


@pytest.fixture(scope="module")
def hooks():
    """The hooks as a module of their own, so that calling them changes nothing for this run."""
    spec = spec_from_file_location("hooks", ROOT / "conftest.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def item(path, *markers):
    """What the hooks look at in a collected test."""
    return SimpleNamespace(path=Path(path), get_closest_marker=lambda name: name in markers)


@pytest.mark.slow
def test_blocked_sockets_leave_this_machine_reachable_and_nothing_else(tmp_path):
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text(encoding="utf-8"))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_sockets.py").write_text(SOCKETS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--block-sockets", str(tmp_path)]
    env = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    answer = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert answer.returncode == 0 and "5 passed" in answer.stdout, answer.stdout


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("192.0.2.1", 443))),
        ("socket.connect", (None, ("2001:db8::1", 443, 0, 0))),
        ("socket.sendto", (None, ("192.0.2.1", 53))),
        ("socket.getaddrinfo", ("example.org", 443, 0, 0, 0)),
        ("socket.getaddrinfo", (b"example.org", 443, 0, 0, 0)),
    ],
)
def test_what_leaves_the_machine_is_refused(hooks, event, arguments):
    with pytest.raises(PermissionError, match="blocked"):
        hooks.refuse_connections(event, arguments)


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("127.0.0.1", 8888))),
        ("socket.connect", (None, ("::1", 8888, 0, 0))),
        ("socket.connect", (None, "a/socket")),
        ("socket.getaddrinfo", ("localhost", 8888, 0, 0, 0)),
        ("socket.getaddrinfo", (None, 0, 0, 0, 0)),
        ("open", ("a/file", "r", 0)),
    ],
)
def test_what_stays_on_the_machine_is_not(hooks, event, arguments):
    assert hooks.refuse_connections(event, arguments) is None


def test_files_that_take_long_start_first_and_stay_whole(hooks):
    quick, late = item("a.py"), item("d.py")
    mixed = [item("b.py"), item("b.py", "slow")]
    page, cells = item("c.py", "browser"), [item("n.ipynb"), item("n.ipynb")]
    items = [quick, *mixed, page, *cells, late]
    hooks.pytest_collection_modifyitems(items)
    assert items == [*cells, *mixed, page, quick, late]


@pytest.mark.parametrize("attempt", [1, 2])
def test_every_test_starts_from_the_same_seed(attempt):
    drawn = (random.random(), float(np.random.rand()), float(torch.rand(())))
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    assert drawn == (random.random(), float(np.random.rand()), float(torch.rand(())))
