"""The course's methods and one's own on the same tasks and photographs: which wins where."""

from deeprestore_lab.course.bench.compare import Comparison, compare
from deeprestore_lab.course.bench.rivals import RIVALS, Rival
from deeprestore_lab.course.bench.tasks import PICTURES, TASKS, Problem, Task, pictures, task

__all__ = ["PICTURES", "RIVALS", "TASKS", "Comparison", "Problem", "Rival", "Task", "compare", "pictures", "task"]
