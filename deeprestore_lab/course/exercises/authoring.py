"""What the author of an exercise writes beside a check; the builder listens, elsewhere it does nothing."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from deeprestore_lab.course.exercises.compare import TOLERANCE


@dataclass
class Author:
    """The author's part of one task: cases, hints, and wrong answers that people give.

        author = check.author("total_variation")
        author.cases(lambda: [(x1,), (x2, 0.5)])
        author.hints("a general hint", "a more specific one")

        @author.misconception("sums signed differences", hint="Take absolute values before the sum.")
        def wrong(x): ...

    It is kept in `### BEGIN HIDDEN TESTS`, so no student sees it.
    """

    task: str
    make_cases: Callable[[], list[tuple]] | None = None
    hint_texts: tuple[str, ...] = ()
    wrong: list[tuple[str, str, Callable]] = field(default_factory=list)
    relative: float = TOLERANCE

    def cases(self, make: Callable[[], list[tuple]]) -> None:
        """Give a function that returns the tuples of arguments the answer is called with, small and made of numbers.

        A task whose answer is a value has none.
        """
        self.make_cases = make

    def hints(self, *texts: str) -> None:
        """Give hints for answers that are wrong in no known way, shown one after the other."""
        self.hint_texts = texts

    def misconception(self, name: str, *, hint: str) -> Callable[[Callable], Callable]:
        """Say what the decorated function does wrong, and what helps. It takes the arguments that the answer takes.

        The name ends the sentence "your answer ...": "sums signed differences". The hint is sentences of its own.
        """

        def add(function: Callable) -> Callable:
            self.wrong.append((name, hint, function))
            return function

        return add

    def tolerance(self, relative: float) -> None:
        """Set how close an answer must be, relative to the largest expected value of a case (1e-4 unless set)."""
        self.relative = relative


@dataclass
class Recorder:
    """What a source says while the builder runs it: answers and authors by task."""

    name: str | None = None
    answers: dict[str, object] = field(default_factory=dict)
    authors: dict[str, Author] = field(default_factory=dict)


recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
