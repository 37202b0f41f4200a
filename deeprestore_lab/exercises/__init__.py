"""Exercises that tell what went wrong: a student notebook checks an answer without knowing the solution.

`Checks` is what a notebook uses. The rest makes a student notebook, a page and a key from one source notebook:
`python -m deeprestore_lab exercises build`. The book's page on teaching says how to write a source.
"""

from deeprestore_lab.exercises.authoring import Author
from deeprestore_lab.exercises.checks import CheckFailed, Checks

__all__ = ["Author", "CheckFailed", "Checks"]
