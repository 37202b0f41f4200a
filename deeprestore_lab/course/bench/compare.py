"""Put a restoration method of one's own beside the methods of the course: `compare(my_method)`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from deeprestore_lab.core.artifacts import load_record
from deeprestore_lab.core.checks import check_choice, check_not_bytes, describe
from deeprestore_lab.course.bench.tasks import PICTURES, SEED, SIZE, TASKS, Problem, pictures, task
from deeprestore_lab.course.figures import Figure, table
from deeprestore_lab.measures.metrics import psnr, ssim
from deeprestore_lab.measures.perceptual import distance

MEASURES = {"psnr": 1, "ssim": 1, "distance": -1}  # and whether more is better
Method = Callable[[Problem], torch.Tensor]
RECORD = "prior_comparison"


def slug(name: str) -> str:
    """A method's name as part of a file's name.

    >>> slug("network, plug-and-play")
    'network-plug-and-play'
    """
    return "-".join(name.replace(",", "").split())


def scores(restored: torch.Tensor, x: torch.Tensor) -> dict[str, list[float]]:
    """PSNR in dB, SSIM and the perceptual distance (`vgg_mini`) of each picture, values cut to [0, 1]."""
    restored = restored.detach().to(x).clamp(0, 1)
    with torch.no_grad():
        seen = distance(restored, x)
    return {"psnr": psnr(restored, x).tolist(), "ssim": ssim(restored, x).tolist(), "distance": seen.tolist()}


def judged(method: Method, name: str) -> dict[str, list[float] | float]:
    """The scores of a method on one task, picture by picture, and its seconds for all ten.

    The method gets the problem and gives the restored pictures. Raises `ValueError` that names the task where it gives
    no float tensor of the problem's shape, one that is not finite, or a picture in 0 to 255; what the method itself
    raises is raised on.
    """
    if not callable(method):
        raise ValueError(f"method must be a function of a problem, got {describe(method)}")
    x = pictures()
    problem = task(name).problem(x)
    began = time.perf_counter()
    restored = method(problem)
    seconds = time.perf_counter() - began
    fits = isinstance(restored, torch.Tensor) and tuple(restored.shape) == problem.shape
    if not fits or not restored.is_floating_point():
        raise ValueError(f"{name}: the method must give a tensor {problem.shape} of floats, got {describe(restored)}")
    if not restored.isfinite().all():
        raise ValueError(f"{name}: the method gave values that are not finite")
    check_not_bytes(restored, name=f"{name}: what the method gave")
    return scores(restored, x) | {"seconds": seconds}


@dataclass(frozen=True)
class Comparison:
    """A method's scores beside those of the record's methods: `rank`, `rows` and a table in a notebook.

    These raise `ValueError` for a task that was not run, and another measure than "psnr", "ssim" and "distance".
    """

    name: str
    own: dict[str, dict]
    others: dict[str, dict[str, dict]]

    def rows(self, name: str, *, measure: str = "psnr") -> list[tuple[str, float]]:
        """The methods with their means on a task, the best first."""
        check_choice(name, tuple(self.own), name="name"), check_choice(measure, tuple(MEASURES), name="measure")
        found = [(method, fmean(own[name][measure])) for method, own in self.others.items() if name in own]
        found.append((self.name, fmean(self.own[name][measure])))
        return sorted(found, key=lambda row: -MEASURES[measure] * row[1])

    def rank(self, name: str, *, measure: str = "psnr") -> int:
        """The place of the method on a task, from 1."""
        return [method for method, _ in self.rows(name, measure=measure)].index(self.name) + 1

    def table(self, *, measure: str = "psnr") -> Figure:
        """Every task's mean for the method, its rank, and the best of the others."""
        rows = []
        for name in self.own:
            ranked = self.rows(name, measure=measure)
            best, value = next(row for row in ranked if row[0] != self.name)
            rank = f"{self.rank(name, measure=measure)} of {len(ranked)}"
            rows.append([name, fmean(self.own[name][measure]), rank, best, value, f"{self.own[name]['seconds']:.1f}"])
        title = measure.upper() if measure in ("psnr", "ssim") else measure
        columns = ["task", title, "rank", "best of the others", f"its {title}", "seconds"]
        return table(rows, columns=columns, see=f"{self.name}: means of ten photographs.")

    def __repr__(self) -> str:
        lines = [f"{name}: {fmean(self.own[name]['psnr']):.2f} dB, rank {self.rank(name)}" for name in self.own]
        return "\n".join([f"Comparison of {self.name!r}", *lines])

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def compare(method: Method, *, name: str = "yours", tasks: Sequence[str] | None = None) -> Comparison:
    r"""Run a method on the tasks of the course and rank it among its methods.

    `method(problem)` gets `problem.y`, `.operator`, `.sigma`, `.shape` (ten grey photographs of 96 x 96, `.data` and
    `.start` made from them) and gives the restored pictures, `problem.shape`, in [0, 1]. `tasks`: names of
    `bench.TASKS`, all where None. The others' numbers are those of the record `prior_comparison`, each prior at
    calibrated weight 1, denoisers in the place of a prior among them; no method sees the truth.

    Raises `ValueError` for another task, a name that a method of the record has, and what `judged` refuses.
    """
    record = load_record(RECORD)
    settings = {"pictures": list(PICTURES), "size": SIZE, "seed": SEED}
    if any(record[key] != value for key, value in settings.items()):
        raise ValueError("the record prior_comparison was made with other pictures: make it again")
    others = {method_name: own["calibrated"] for method_name, own in record["methods"].items()}
    if not isinstance(name, str):
        raise ValueError(f"name must be a word for the method, got {describe(name)}")
    if name in others:
        raise ValueError(f"the record has a method called {name!r}: give yours another name")
    if tasks is not None and (isinstance(tasks, str) or not isinstance(tasks, Sequence)):
        raise ValueError(f"tasks must be a list of names, such as [{next(iter(TASKS))!r}], got {describe(tasks)}")
    names = list(TASKS) if tasks is None else [task(one).name for one in tasks]
    if not names:
        raise ValueError("tasks must name one task or more")
    return Comparison(name, {one: judged(method, one) for one in names}, others)
