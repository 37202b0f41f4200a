from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch

from deeprestore_lab.course.exercises import Checks, keys
from deeprestore_lab.course.exercises.keys import Key, Misconception, Task, find_key, key_text, read_key


def a_key():
    wrong = Misconception("a wrong way", "a telling hint", ((np.array([3.0]), np.array(1)),))
    task = Task(
        is_function=True,
        cases=((torch.rand(2, 3), 0.25, "reflect"),),
        expected=((np.array([2.5]), np.array(7)),),
        tolerance=1e-4,
        hints=("a general hint",),
        misconceptions=(wrong,),
        digest="0" * 16,
    )
    return Key("small", "0.1.0", {"one": task})


def test_a_key_comes_back_as_it_was(tmp_path):
    key, path = a_key(), tmp_path / "small.key.json"
    path.write_text(key_text(key))
    back = read_key(path)
    assert key_text(back) == key_text(key)
    old, new = key.tasks["one"], back.tasks["one"]
    assert torch.equal(old.cases[0][0], new.cases[0][0]) and new.cases[0][1:] == (0.25, "reflect")
    assert all(np.array_equal(a, b) for a, b in zip(old.expected[0], new.expected[0], strict=True))
    assert (new.hints, new.misconceptions[0].hint, new.digest) == (old.hints, "a telling hint", old.digest)


def test_opening_the_file_gives_nothing_away():
    text = key_text(a_key())
    blob = json.loads(text)["tasks"]["one"]
    for secret in ("hint", "wrong way", "2.5", "reflect"):
        assert secret not in text and secret.encode() not in base64.b64decode(blob)


def test_a_key_beside_the_notebook_comes_first(tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(keys, "SHIPPED", shipped)
    (shipped / "small.json").write_text(key_text(a_key()))
    assert find_key("small", folder=tmp_path) == shipped / "small.json"
    (tmp_path / "small.key.json").write_text(key_text(a_key()))
    assert find_key("small", folder=tmp_path) == tmp_path / "small.key.json"


def test_no_key_names_what_was_looked_for_and_what_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="'no_such'.*no_such.key.json"):
        Checks("no_such")


@pytest.mark.parametrize("name", ["../10_map", "10 map", "", 10])
def test_a_name_is_no_path(name):
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        Checks(name)


@pytest.mark.parametrize("damage", ["not json", '{"format": 1}', '{"format": 99}', "[]"])
def test_a_damaged_key_is_named(tmp_path, damage):
    path = tmp_path / "small.key.json"
    path.write_text(damage)
    with pytest.raises(ValueError, match="small.key.json is no key"):
        read_key(path)


def test_a_damaged_task_is_named(tmp_path):
    path, stored = tmp_path / "small.key.json", json.loads(key_text(a_key()))
    stored["tasks"]["one"] = stored["tasks"]["one"][:40]
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="small.key.json is no key"):
        read_key(path)
