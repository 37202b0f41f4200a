"""What is noted of a training run."""

import math
from dataclasses import dataclass, field


@dataclass
class History:
    """What happened: the loss of each batch, the held-out loss at `evaluated` steps, and why the run ended.

    `seconds` has the time since the start at each of the `evaluated` steps, earlier parts of a resumed run included.
    `best_step` is the step whose weights the network holds now (the last one without held-out data).
    """

    loss: list[float] = field(default_factory=list)
    evaluated: list[int] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_step: int = 0
    stopped_early: bool = False

    @property
    def best(self) -> float:
        """The lowest held-out loss; NaN where there was no held-out data."""
        return min(self.held_out, default=math.nan)
