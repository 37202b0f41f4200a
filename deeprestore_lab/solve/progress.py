"""A progress bar that appears only for runs that take longer than two seconds."""

from __future__ import annotations

import os
import time

import torch

DELAY_SECONDS = 2.0


class Progress:
    """A context that shows the step and the energy; `wanted` None: after two seconds, True: at once, False: never.

    Where `DEEPRESTORE_BUILD` is 1 nobody watches: the page that is built would keep the bar, so None means never.
    The bar goes when the run ends.
    """

    def __init__(self, wanted: bool | None, *, steps: int, label: str) -> None:
        if wanted is None and os.environ.get("DEEPRESTORE_BUILD") == "1":
            wanted = False
        self.wanted, self.steps, self.label = wanted, steps, label
        self.bar = None
        self.due = time.perf_counter() + (0.0 if wanted else DELAY_SECONDS)
        self.shown = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def update(self, step: int, shares: dict[str, torch.Tensor]) -> None:
        """Say that `step` is done, with these shares of the energy."""
        now = time.perf_counter()
        if self.wanted is False or now < self.due:
            return
        if self.bar is None:
            from tqdm.auto import tqdm  # slow to import, and most runs never show a bar

            self.bar = tqdm(total=self.steps, desc=self.label, leave=False)
        self.bar.update(step - self.bar.n)
        if now - self.shown > 0.1:
            self.shown = now
            self.bar.set_postfix_str(f"energy {float(sum(shares.values()).sum()):.6g}")
