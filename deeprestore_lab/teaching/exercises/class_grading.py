"""Grade what a class handed in: nbgrader's own autograder and gradebook, several notebooks at once, each confined."""

import hashlib
import html
import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from deeprestore_lab.core.writing import write_whole
from deeprestore_lab.teaching.exercises.apart import Done, Job, executed, run_job
from deeprestore_lab.teaching.exercises.build import Course
from deeprestore_lab.teaching.exercises.class_state import Graded, digest
from deeprestore_lab.teaching.exercises.grading import preprocessors
from deeprestore_lab.teaching.exercises.on_cluster import ClusterGone
from deeprestore_lab.teaching.exercises.source import GradingError, KernelGone, SourceError, TimeUp, read_source

CONFIG = "nbgrader_config.py"
WORDS = {TimeUp: "time-out", KernelGone: "kernel died"}
NOTICE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}: not graded</title>
<body style="font: 1.1rem/1.5 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem">
<h1>{name}: not graded yet</h1><p>{why}</p></body></html>
"""


class ClassGrader:
    """One exercise of a course, and nbgrader's settings for it. Raises `GradingError` where the settings are missing.

    nbgrader and its gradebook are used by one thread at a time; that thread lets go while its notebook runs.
    """

    def __init__(self, course: Course, name: str, *, timeout: float | None = None) -> None:
        from traitlets.config import PyFileConfigLoader

        if not (course.folder / CONFIG).is_file():
            raise GradingError(f"{course.folder / CONFIG} is missing: copy exercises/{CONFIG} there")
        if not course.source(name).is_file():
            raise SourceError(f"there is no source {course.source(name)}; found: {', '.join(course.names())}")
        self.course, self.name = course, name
        self.root = course.folder.resolve()
        self.config = PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        self.timeout = float(timeout or self.config.Execute.timeout)
        self.source = read_source(course.source(name))
        self.key = hashlib.sha256("".join(map(self.source.digest, self.source.tasks)).encode()).hexdigest()[:16]
        self.lock, self.spent = threading.Lock(), []

    def place(self, student: str, kind: str) -> Path:
        """The folder of nbgrader's for a student: `kind` is "submitted", "autograded" or "feedback"."""
        return self.root / kind / student / self.name

    def put(self, student: str, data: bytes, *, came: str) -> str:
        """Lay a notebook where nbgrader looks for it, unless that very file did already; a sum over what lies there.

        `came` is the sum of what came before. So what an instructor mended in `submitted/` stays.
        """
        path = self.place(student, "submitted") / f"{self.name}.ipynb"
        if not path.is_file() or came != digest(data):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
        return digest(path.read_bytes() + self.key.encode())

    def assign(self) -> None:
        """Tell nbgrader's gradebook of the exercise, where it does not know this source yet."""
        from nbgrader.converters import GenerateAssignment

        mark = self.root / "release" / self.name / ".source"
        if mark.is_file() and mark.read_text() == self.key:
            return
        self._convert(GenerateAssignment, ".", logging.getLogger("nbgrader"))
        mark.write_text(self.key)

    def grade(
        self,
        todo: Mapping[str, str],
        *,
        jobs: int,
        each: Callable[[str, Graded], None],
        by: Callable[[Job], Done] = run_job,
    ) -> None:
        """Grade these students (each with a sum of the notebook), `jobs` at once; `each` is told as they end.

        `by` runs a notebook. Raises `ClusterGone` where it does; those who had ended keep their marks.
        """
        here = os.getcwd()
        try:
            with warnings.catch_warnings(), ThreadPoolExecutor(jobs) as pool:
                warnings.filterwarnings("ignore", module="nbgrader|nbformat")  # of their own use of others
                asked = {pool.submit(self._one, student, sum_, by): student for student, sum_ in todo.items()}
                try:
                    for done in as_completed(asked):
                        each(asked[done], done.result())
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        finally:
            os.chdir(here)  # nbgrader moves, and threads take turns

    def _one(self, student: str, sum_: str, by: Callable[[Job], Done]) -> Graded:
        from nbgrader.converters import Autograde, GenerateFeedback

        caught: list[GradingError] = []
        said: list[str] = []
        log = _listening(student, said)

        def running(nb, resources):
            self.lock.release()
            try:
                return executed(nb, resources, timeout=self.timeout, spent=self.spent, by=by)
            finally:
                self.lock.acquire()
                os.environ["NBGRADER_EXECUTION"] = "autograde"  # theirs, which another thread's end has removed

        steps = [_noting(step, caught) for step in preprocessors(self.root / "source", running=running)]
        with self.lock:
            try:
                self._convert(Autograde, student, log, steps=steps)
                self._convert(GenerateFeedback, student, log)
                return Graded("graded", "", sum_, self.timeout)
            except Exception as error:  # whatever a notebook brings about is that student's alone
                if caught and isinstance(caught[-1], ClusterGone):
                    raise caught[-1] from None
                why = str(caught[-1]) if caught else _last(said) or f"{type(error).__name__}: {error}"
                state = WORDS.get(type(caught[-1]), "not graded") if caught else "not graded"
                self.notice(student, why)
                return Graded(state, why, sum_, self.timeout)

    def _convert(self, kind: type, student: str, log: logging.Logger, *, steps: list | None = None) -> None:
        from nbgrader.coursedir import CourseDirectory

        where = CourseDirectory(config=self.config)
        where.assignment_id, where.student_id = self.name, student
        converter = kind(coursedir=where, config=self.config, log=log)
        converter.force = True
        if steps is not None:
            converter.autograde_preprocessors = steps
        converter.start()

    def notice(self, student: str, why: str) -> None:
        """A page of feedback that says why there is no mark."""
        folder = self.place(student, "feedback")
        folder.mkdir(parents=True, exist_ok=True)
        text = NOTICE.format(name=html.escape(self.name), why=html.escape(why))
        write_whole(folder / f"{self.name}.html", text.encode())


def _noting(step: object, caught: list) -> object:
    """A step that is a function, with its `GradingError` kept: nbgrader makes a line of the log of it."""
    if isinstance(step, type | str):
        return step

    def noted(nb, resources):
        try:
            return step(nb, resources)
        except GradingError as error:
            caught.append(error)
            raise

    return noted


def _listening(student: str, said: list[str]) -> logging.Logger:
    """A log of one student's run, whose errors are kept and shown nowhere."""

    class Keep(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())

    log = logging.Logger(f"nbgrader.{student}", logging.ERROR)
    log.addHandler(Keep())
    return log


def _last(said: list[str]) -> str:
    """The last line of the last traceback in a log."""
    traces = [text.strip().splitlines()[-1] for text in said if "Traceback" in text]
    return traces[-1] if traces else ""
