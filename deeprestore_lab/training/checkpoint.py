"""The file of a training run: it belongs to one start and one set of settings, and is written whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from torch import nn

from deeprestore_lab.solve.packing import digest, read_state, same, short, write_state

FORMAT = "deeprestore_lab training run 1"
EVERY_SECONDS = 30.0


class RunFile:
    """Where a run is kept, and what it is the run of: its settings, and the weights it started from."""

    def __init__(self, path: str | Path, network: nn.Module, settings: dict) -> None:
        self.path = Path(path)
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise ValueError(f"checkpoint must be a file in a folder that exists, got {str(self.path)!r}")
        self.settings = settings | {"start": digest(network.state_dict())}
        self.saved = time.perf_counter()

    def save_if_due(self, state: Callable[[], dict]) -> None:
        """Save where the last time is more than half a minute ago."""
        if time.perf_counter() - self.saved > EVERY_SECONDS:
            self.save(state())

    def save(self, state: dict) -> None:
        """Write the state."""
        write_state(self.path, {"settings": self.settings, "run": state}, format=FORMAT)
        self.saved = time.perf_counter()

    def restore(self) -> dict:
        """The saved state. Raises `ValueError` where the file is damaged or of another run, saying what differs."""
        state = read_state(self.path, format=FORMAT)
        for key, value in self.settings.items():
            if not same(state["settings"].get(key), value):
                there, here = short(state["settings"].get(key)), short(value)
                what = "the weights at the start" if key == "start" else key
                raise ValueError(
                    f"{str(self.path)!r} belongs to another run: {what} differs (there {there}, here {here}); "
                    "give another file name"
                )
        return state["run"]
