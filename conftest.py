"""What every test shares: seeds, threads, order, blocked sockets.

It stands at the root so that doctests of the library and the notebooks have it too.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")

hypothesis.settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
hypothesis.settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--block-sockets", action="store_true", help="refuse every connection that leaves the machine")


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(1 if hasattr(config, "workerinput") else min(2, os.cpu_count() or 1))
    if hasattr(config.option, "nbval_sanitize_with") and not config.option.nbval_sanitize_with:
        # Measured values stand in claim cells beside the line that is compared: they are left out here.
        config.option.nbval_sanitize_with = str(Path(__file__).parent / "tests" / "nbval" / "sanitize.cfg")
    if config.getoption("block_sockets"):
        sys.addaudithook(refuse_connections)


def refuse_connections(event: str, arguments: tuple) -> None:
    """Raise where Python connects to, or looks up, a host other than this one. Kernels talk over loopback."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path: a socket of this machine
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host and not host.startswith(LOOPBACK):
        raise PermissionError(f"this test run has its sockets blocked, and something asked for {host!r}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long start first, so that no worker is left alone with one at the end."""
    files = {item.path for item in items if item.path.suffix == ".ipynb" or _marked(item, "slow", "browser")}
    items.sort(key=lambda item: (item.path not in files, item.path.suffix != ".ipynb"))


@pytest.fixture(autouse=True)
def _same_seeds() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _networks_say_their_weights_again(request: pytest.FixtureRequest) -> None:
    """A network prints one line when it is first loaded: in every doctest, whichever ran before it."""
    loading = sys.modules.get("deeprestore_lab.backbones.loading")
    if loading and isinstance(request.node, pytest.DoctestItem):
        loading._loaded.cache_clear()


def _marked(item: pytest.Item, *names: str) -> bool:
    return any(item.get_closest_marker(name) for name in names)
