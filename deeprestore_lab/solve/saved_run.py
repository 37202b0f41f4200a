"""The file of one long run, of a solver or a training: saved whole, taken up again, and kept through an interrupt."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from deeprestore_lab.solve.state_files import read_state, same, short, write_state

EVERY_SECONDS = 30.0


class SavedRun:
    """Where a run is kept, and which run it is: `settings`, JSON values that a file must agree with to be taken up.

    `kind` names what the file belongs to ("run", "problem") and `words` its settings, in messages. Settings named in
    `computed` agree up to the rounding of another number of threads. A step size that is a function `rate` of the step
    is compared at the steps taken. States are nested dicts and lists of tensors and JSON values, as
    `state_files.write_state` takes them. Raises `ValueError` for a path that is no file in a folder.
    """

    def __init__(
        self,
        path: str | Path,
        settings: dict,
        *,
        format: str,
        kind: str,
        words: dict[str, str] | None = None,
        computed: tuple[str, ...] = (),
        rate: Callable[[int], float] | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise ValueError(f"checkpoint must be a file in a folder that exists, got {str(self.path)!r}")
        self.settings, self.format, self.kind, self.words = settings, format, kind, words or {}
        self.computed, self.rate, self._rates = computed, rate, []
        self.saved = time.perf_counter()
        self.interrupted = False

    def save_if_due(self, state: Callable[[], dict]) -> None:
        """Save where the last time is more than half a minute ago."""
        if time.perf_counter() - self.saved > EVERY_SECONDS:
            self.save(state())

    def save(self, state: dict) -> None:
        """Write the state to a new file and put it in the place of the old one in one go."""
        write_state(self.path, {"settings": self.settings, "run": state}, format=self.format)
        self.saved = time.perf_counter()

    def restore(self) -> dict | None:
        """The saved state; None where there is no file yet.

        Raises `ValueError` where the file cannot be read, or belongs to something else, saying what differs.
        """
        if not self.path.exists():
            return None
        state = read_state(self.path, format=self.format)
        for key in sorted(state["settings"] | self.settings, key=self.computed.__contains__):  # what follows comes last
            there, here = state["settings"].get(key), self.settings.get(key)
            if not (same(there, here) if key in self.computed else there == here):
                raise self.another(self.words.get(key, key), there, here)
        return state["run"]

    def another(self, what: str, there: object, here: object) -> ValueError:
        """The error that says what differs in the file of another run."""
        return ValueError(
            f"{str(self.path)!r} belongs to another {self.kind}: {what} differs "
            f"(there {short(there)}, here {short(here)}); give another file name"
        )

    def rates(self, steps: int) -> torch.Tensor:
        """The step sizes of so many first steps, where they are a function of the step; a part of the state."""
        if self.rate is not None:
            self._rates += [float(self.rate(step)) for step in range(len(self._rates), steps)]
        return torch.tensor(self._rates[:steps], dtype=torch.float64)

    def check_rates(self, there: torch.Tensor) -> None:
        """Raise `ValueError` where the steps taken, by `there`, were not as long as this run's would be."""
        here = self.rates(len(there))
        if not torch.equal(there, here):
            step = int((there != here).nonzero()[0])
            raise self.another(f"lr at step {step}", float(there[step]), float(here[step]))

    @contextmanager
    def deferred_interrupt(self) -> Iterator[None]:
        """Let an interrupt from the keyboard wait for `raise_if_interrupted`; a second one does not wait."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        usual = signal.getsignal(signal.SIGINT)

        def note(number, frame) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, usual)

    def raise_if_interrupted(self, state: Callable[[], dict]) -> None:
        """Save and pass the interrupt on, where one came during the step."""
        if self.interrupted:
            self.save(state())
            raise KeyboardInterrupt
