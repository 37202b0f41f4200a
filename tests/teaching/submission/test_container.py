"""What podman is asked for, and what is refused before that; what a container keeps out is in test_confinement."""

from __future__ import annotations

import sys

import pytest

from deeprestore_lab.teaching.submission import Limits, confinement, container, sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux's")


def test_the_container_sees_what_bubblewrap_shows_and_the_folder_can_be_written_to(tmp_path):
    (given := tmp_path / "data").mkdir()
    with container.Container(tmp_path, readable=[str(given), str(tmp_path / "not there")]) as own:
        line = own.command(["true"], passed=2)
    mounts = [line[place + 1] for place, word in enumerate(line) if word == "-v"]
    assert mounts[-1] == f"{tmp_path}:{tmp_path}:rw"
    places = {mount.split(":")[1]: mount.split(":")[2] for mount in mounts[:-1]}
    assert {place for place, how in places.items() if how != "ro"} == set(sandbox.DEVICES)
    visible = {path for path in sandbox.visible([str(given)]) if sandbox.Path(path).exists()}
    assert str(given) in visible and set(places) - set(sandbox.DEVICES) == visible | {"/dev"}


def test_its_folder_goes_with_it(tmp_path):
    with container.Container(tmp_path) as own:
        root = own.command(["true"], passed=0)[-2]
        assert not any(sandbox.Path(root).iterdir())
    assert not sandbox.Path(root).exists()


def test_a_path_with_a_colon_is_refused(tmp_path):
    (folder := tmp_path / "a:b").mkdir()
    with pytest.raises(ValueError, match=r"cannot mount a path with a colon, got '.*a:b'"):
        container.Container(folder)


def test_another_word_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(confinement.CHOSEN_BY, "docker")
    with pytest.raises(ValueError, match="DEEPRESTORE_CONFINEMENT must be one of 'bubblewrap', 'podman'; got 'docker'"):
        confinement.run(["-c", "pass"], folder=tmp_path, limits=Limits(seconds=60.0))


def test_it_refuses_by_name_as_many_calls_as_bubblewrap_does_by_number():
    names = container.refused_calls(sockets=False)["syscalls"][0]["names"]
    assert len(names) == len(set(names)) == len(sandbox.REFUSED_CALLS["x86_64"].split())
    assert set(names) - set(container.refused_calls(sockets=True)["syscalls"][0]["names"]) == {"socket"}


def test_a_podman_that_does_not_answer_at_the_end_leaves_what_the_program_gave(monkeypatch, tmp_path):
    (folder := tmp_path / "bin").mkdir()
    (podman := folder / "podman").write_text("#!/bin/sh\nexec sleep 60\n")
    podman.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr(container, "PATIENCE", 0.2)
    with container.Container(tmp_path) as own:
        root = own.command(["true"], passed=0)[-2]
    assert not sandbox.Path(root).exists()
