"""`Checks`: what an exercise notebook asks whether an answer is right."""

from collections import Counter

from deeprestore_lab.course.claims import say
from deeprestore_lab.course.exercises.authoring import Author, recorder
from deeprestore_lab.course.exercises.compare import is_right
from deeprestore_lab.course.exercises.diagnosis import recognised, wrong_form
from deeprestore_lab.course.exercises.keys import Key, Task, find_key, read_key
from deeprestore_lab.course.exercises.running import NOT_WRITTEN, Stopped, parts_of, run
from deeprestore_lab.course.exercises.unanswered import say_calmly


class CheckFailed(AssertionError):  # noqa: N818, the field says so
    """An answer is not right. Jupyter shows the message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Checks:
    """The checks of one exercise: `check = Checks("10_map")`, then `check("total_variation", total_variation)`.

    The key is `NAME.key.json` in the current folder, else the one that the library ships. Raises `ValueError` for a
    name that is none, and `FileNotFoundError` where there is no key.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._key: Key | None = None
        self._failures: Counter[str] = Counter()
        listening = recorder.get()
        if listening is None:
            self._key = read_key(find_key(name))
            say_calmly()
        else:
            listening.name = name

    def __call__(self, task: str, answer: object) -> None:
        """Print that an answer is right, or raise `CheckFailed` with a hint. Raises `ValueError` for no task of ours.

        A function is called with fresh copies of small arguments. Values may be tensors, arrays or numbers, of either
        precision; right is what differs from the expected by less than a small part of its size.
        """
        if listening := recorder.get():
            listening.answers[task] = answer
            return
        known = self._key.task(task)
        try:
            problem = self._problem(task, answer, known)
        except Stopped as stop:
            problem = str(stop)
        if problem:
            raise CheckFailed(f"{task}: {problem}")
        say(f"right: {task}")

    def author(self, task: str) -> Author:
        """What the author says about a task. The builder listens; in a notebook it does nothing."""
        author = Author(task)
        if listening := recorder.get():
            listening.authors[task] = author
        return author

    def _problem(self, name: str, answer: object, task: Task) -> str | None:
        if answer is None:
            raise Stopped(NOT_WRITTEN)
        if task.is_function and not callable(answer):
            raise Stopped(f"a function is wanted, a value of type {type(answer).__name__} came. Give it without `()`.")
        if not task.is_function and callable(answer):
            raise Stopped("a value is wanted, a function came. Call it first.")
        answers = run(answer, task.cases) if task.is_function else [parts_of(answer)]
        if is_right(answers, task.expected, tolerance=task.tolerance):
            return None
        if misconception := recognised(answers, task):
            return f"your answer {misconception.name}. {misconception.hint}"
        if problem := wrong_form(answers, task):
            return problem
        hint = task.hints[min(self._failures[name], len(task.hints) - 1)]
        self._failures[name] += 1
        return f"not right yet. {hint}"
