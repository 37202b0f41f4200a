"""From a source notebook to the student notebook, its page and its key, and grading with nbgrader."""
