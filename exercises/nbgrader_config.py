"""nbgrader's settings: this folder is a course. Run its commands here, for example `nbgrader autograde 10_map`."""

from pathlib import Path

from deeprestore_lab.exercises.grading import preprocessors

HERE = Path(__file__).resolve().parent

c = get_config()  # noqa: F821, nbgrader gives it
c.CourseDirectory.course_id = "deeprestore_lab"
c.CourseDirectory.root = str(HERE)
c.CourseDirectory.db_url = f"sqlite:///{HERE / 'gradebook.db'}"
c.Autograde.autograde_preprocessors = preprocessors(HERE / "source")
c.OverwriteCells.add_missing_cells = True  # a check that a student deleted is run all the same
c.Execute.timeout = 120  # seconds a cell
