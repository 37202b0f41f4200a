from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

import deeprestore_lab
from deeprestore_lab.course.exercises.keys import key_text, read_key
from deeprestore_lab.teaching.exercises.build import Course, build, same_argument, write
from deeprestore_lab.teaching.exercises.source import SourceError
from small_exercises import CHECK, SOLUTION, cells, write_source

ROOT = Path(__file__).parents[3]


@pytest.fixture
def course(tmp_path):
    write_source(tmp_path)
    write(build("small", course=Course(tmp_path)))
    return Course(tmp_path)


def files(course):
    return {path: path.read_bytes() for path in sorted(course.folder.rglob("*")) if path.is_file()}


def test_a_course_of_its_own_has_everything_in_its_folder(course):
    names = {path.relative_to(course.folder).as_posix() for path in files(course)}
    source = {"source/small/small.ipynb", "source/small/small.key.json"}
    assert names == source | {"small.ipynb", "small.key.json", "small.md"}
    assert (course.folder / "small.key.json").read_bytes() == (
        course.folder / "source/small/small.key.json"
    ).read_bytes()
    assert "<small.ipynb>" in (course.folder / "small.md").read_text()


def test_building_again_changes_nothing(course):
    before = files(course)
    assert write(build("small", course=course)) == [] and files(course) == before
    for path in before:
        if path.name != "small.ipynb" or path.parent == course.folder:
            path.unlink()
    write(build("small", course=course))
    assert files(course) == before


def shifted(key, *, by):
    """The key with expected values off by a part of their size."""
    task = key.tasks["mean_square"]
    expected = tuple(tuple(part * (1 + by) for part in parts) for parts in task.expected)
    return replace(key, tasks=key.tasks | {"mean_square": replace(task, expected=expected)})


@pytest.mark.parametrize(("by", "kept"), [(1e-12, True), (1e-8, True), (1e-4, False)])
def test_a_key_that_differs_in_last_digits_alone_is_kept(course, by, kept):
    (path, _) = course.keys("small")
    fresh = path.read_text()
    other = key_text(shifted(read_key(path), by=by))
    assert other != fresh
    path.write_text(other)
    write(build("small", course=course))
    assert path.read_text() == (other if kept else fresh)


def test_small_entries_of_an_argument_are_as_uncertain_as_large_ones():
    """A product of single-precision numbers loses what its largest terms lose, wherever its entries end up."""
    product = torch.tensor([[2.8436276913, -0.0017437457], [-0.0017437457, 1.1818912029]])
    elsewhere = torch.tensor([[2.8436279297, -0.0017437420], [-0.0017437420, 1.1818912029]])
    assert same_argument(product, elsewhere) and same_argument((product, 3), (elsewhere, 3))
    assert not same_argument(product, product + 1e-5) and not same_argument((product, 3), (product, 4))
    assert not same_argument(product, product.double()) and not same_argument(product, product[:1])


@pytest.mark.parametrize(
    "texts",
    [
        {"check": CHECK.replace("Double the image.", "Double it.")},
        {"check": CHECK.replace("takes a root at the end", "takes a root")},
        {"check": CHECK.replace("Try an image of one pixel.", "Try one pixel.")},
        {"check": CHECK.replace("3, 4, 5", "3, 4, 6")},
        {"solution": SOLUTION.replace("squares_of_all", "squares")},
    ],
)
def test_a_change_of_the_source_changes_the_key(course, texts):
    (path, _) = course.keys("small")
    before = path.read_text()
    write_source(course.folder, cells(**texts))
    assert path in write(build("small", course=course)) and path.read_text() != before


def test_a_key_that_is_none_is_written_anew(course):
    (path, _) = course.keys("small")
    before = path.read_text()
    path.write_text("{}")
    write(build("small", course=course))
    assert path.read_text() == before


def test_a_key_of_another_version_is_written_anew(course, monkeypatch):
    monkeypatch.setattr(deeprestore_lab, "__version__", "9.9.9")
    (path, _) = course.keys("small")
    write(build("small", course=course))
    assert read_key(path).library == "9.9.9"


def test_a_refused_source_leaves_all_files(course):
    before = files(course)
    path = write_source(course.folder, cells(check=CHECK.replace("author.hints(", "print(")))
    before[path] = path.read_bytes()
    with pytest.raises(SourceError):
        write(build("small", course=course))
    assert files(course) == before


@pytest.mark.parametrize("worked", ["answered", "ran"])
def test_a_student_notebook_that_was_worked_in_is_not_overwritten(course, worked):
    notebook = nbformat.read(course.student("small"), as_version=4)
    if worked == "answered":
        notebook.cells[3].source = SOLUTION
    else:
        notebook.cells[1].execution_count = 1
    nbformat.write(notebook, course.student("small"))
    before = files(course)
    with pytest.raises(SourceError, match="small.ipynb was worked in"):
        write(build("small", course=course))
    assert files(course) == before
    write_source(course.folder, cells(intro="# Other words"))
    course.student("small").unlink()
    write(build("small", course=course))
    write_source(course.folder)
    assert course.student("small") in write(build("small", course=course)), "what nobody worked in is built anew"


def test_names_and_what_is_missing(course, tmp_path):
    assert course.names() == ["small"]
    with pytest.raises(SourceError, match="there is no source.*found: small"):
        build("large", course=course)
    with pytest.raises(SourceError, match="no source notebook in"):
        Course(tmp_path / "nowhere").names()


def test_the_project_s_own_files_lie_in_the_library_and_the_book():
    own = Course(ROOT / "exercises")
    assert own.is_own and own.keys("x") == [ROOT / "deeprestore_lab/core/shipped/exercises/x.json"]
    assert own.page("x") == ROOT / "book/exercises/x.md"


def test_a_copy_of_the_project_s_exercises_is_marked_by_the_shipped_key(course, tmp_path):
    assert course.key("small") == course.folder / "source" / "small" / "small.key.json"
    copy = Course(tmp_path / "copy")
    shutil.copytree(ROOT / "exercises" / "source" / "10_map", copy.folder / "source" / "10_map")
    assert copy.key("10_map") == ROOT / "deeprestore_lab/core/shipped/exercises/10_map.json"
    with pytest.raises(FileNotFoundError, match="no key for the exercise 'large'"):
        course.key("large")


def test_expected_values_are_read_as_they_were_written(course):
    key = read_key(course.keys("small")[0])
    assert key_text(key) == course.keys("small")[0].read_text()
    assert np.isfinite(key.tasks["area"].expected[0][0])
