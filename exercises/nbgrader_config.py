"""nbgrader's settings: this folder is a course, and its commands run here."""

import os
import sys
from pathlib import Path

from deeprestore_lab.teaching.exercises.grading import preprocessors
from deeprestore_lab.teaching.exercises.handed_in import put_in_place

HERE = Path(__file__).resolve().parent
# nbgrader calls `alembic`, a command beside its own Python, by the bare name
BESIDE = str(Path(sys.executable).parent)
os.environ["PATH"] = os.pathsep.join([BESIDE, os.environ.get("PATH", "")])

# `10_map (1).ipynb`, as browsers call a second download, is 10_map.ipynb
if "autograde" in sys.argv and (problems := put_in_place(HERE)):
    raise SystemExit("Nothing was graded.\n" + "\n".join(problems))

c = get_config()  # noqa: F821, nbgrader gives it
c.CourseDirectory.course_id = "deeprestore_lab"
c.CourseDirectory.root = str(HERE)
c.CourseDirectory.db_url = f"sqlite:///{HERE / 'gradebook.db'}"
c.Autograde.autograde_preprocessors = preprocessors(HERE / "source")
c.OverwriteCells.add_missing_cells = True  # a check that was deleted still runs
c.Execute.timeout = 120  # seconds a cell; a longer one is an error, no zero
