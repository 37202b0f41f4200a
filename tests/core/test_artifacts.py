"""Artifacts: written whole, read back exactly, refused when they are not what their card says."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
import torch

from deeprestore_lab.core import artifacts

CARD = {"command": "make records", "data": "synthetic", "licence": "BSD-3", "seeds": [0, 1], "metric": "30 dB"}


def test_record_is_read_back_as_it_was_written(tmp_path):
    content = {"priors": {"tv": {"coefficient": 0.1 + 0.2, "exponent": -1}}, "text": "σ"}
    path = artifacts.save_record("numbers", content, **CARD, folder=tmp_path)
    assert path == tmp_path / "records" / "numbers.json"
    assert artifacts.load_record("numbers", folder=tmp_path) == content


def test_weights_are_read_back_bitwise(tmp_path):
    tensors = {"a.weight": torch.randn(3, 4).half(), "b": torch.arange(5), "view": torch.randn(4, 6).T}
    artifacts.save_weights("net", tensors, **CARD, folder=tmp_path)
    loaded = artifacts.load_weights("net", folder=tmp_path)
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[key], tensors[key]) and loaded[key].dtype == tensors[key].dtype for key in tensors)


def test_pictures_travel_with_their_record(tmp_path):
    artifacts.save_record("grid", {"n": 1}, **CARD, pictures={"by-noise.webp": b"RIFF1"}, folder=tmp_path)
    assert artifacts.load_picture("grid", "by-noise.webp", folder=tmp_path) == b"RIFF1"
    with pytest.raises(artifacts.ArtifactError, match="has no file"):
        artifacts.load_picture("grid", "other.webp", folder=tmp_path)


def test_card_says_how_the_artifact_was_made(tmp_path):
    path = artifacts.save_record("numbers", {"n": 1}, **CARD, folder=tmp_path)
    card = artifacts.card("numbers", folder=tmp_path)
    assert card.sha256 == {"numbers.json": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert (card.command, card.licence, card.seeds) == ("make records", "BSD-3", [0, 1])
    assert "make records" in repr(card) and "BSD-3" in repr(card)


@pytest.mark.parametrize("damage", [b"{}", b"", None])
def test_changed_or_missing_file_is_refused(tmp_path, damage):
    path = artifacts.save_record("numbers", {"n": 1}, **CARD, folder=tmp_path)
    path.write_bytes(damage) if damage is not None else path.unlink()
    with pytest.raises(artifacts.ArtifactError, match="missing|not the file its card describes"):
        artifacts.load_record("numbers", folder=tmp_path)


def test_line_ends_of_another_system_are_no_damage(tmp_path):
    """As a checkout on Windows has them: in the records that ship, and in a new one."""
    shutil.copytree(artifacts.SHIPPED / "records", tmp_path / "records")
    artifacts.save_record("numbers", {"text": "two\nlines\r\n"}, **CARD, folder=tmp_path)
    texts = list((tmp_path / "records").glob("*.json"))
    for path in texts:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(texts) > 10
    assert artifacts.load_record("numbers", folder=tmp_path) == {"text": "two\nlines\r\n"}  # the text's own stay
    for name in artifacts.available()["records"]:
        assert artifacts.load_record(name, folder=tmp_path) == artifacts.load_record(name)
    path = tmp_path / "records" / "numbers.json"
    path.write_bytes(path.read_bytes().replace(b"two", b"too"))
    with pytest.raises(artifacts.ArtifactError, match="not the file its card describes"):
        artifacts.load_record("numbers", folder=tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "numbers"}'])
def test_damaged_card_is_refused(tmp_path, text):
    artifacts.save_record("numbers", {"n": 1}, **CARD, folder=tmp_path)
    (tmp_path / "records" / "numbers.card.json").write_text(text)
    with pytest.raises(artifacts.ArtifactError, match="cannot be read"):
        artifacts.load_record("numbers", folder=tmp_path)


def test_absent_artifact_is_named_with_what_there_is(tmp_path):
    artifacts.save_record("numbers", {"n": 1}, **CARD, folder=tmp_path)
    with pytest.raises(artifacts.ArtifactError, match="records: numbers"):
        artifacts.card("other", folder=tmp_path)
    with pytest.raises(artifacts.ArtifactError, match="weights/other.card.json is missing"):
        artifacts.load_weights("other", folder=tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a.b", "x\n", None])
def test_names_cannot_leave_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match="a name has letters"):
        artifacts.load_record(name, folder=tmp_path)
    with pytest.raises(ValueError, match="a name has letters"):
        artifacts.save_record(name, {"n": 1}, **CARD, folder=tmp_path)


@pytest.mark.parametrize("content", [{"x": float("nan")}, {"x": {1, 2}}, {1: 2}, {"x": (1, 2)}, [1]])
def test_content_that_json_would_change_is_refused(tmp_path, content):
    with pytest.raises(ValueError):
        artifacts.save_record("numbers", content, **CARD, folder=tmp_path)
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("field", ["command", "data", "licence", "metric"])
def test_card_must_be_filled_in(tmp_path, field):
    with pytest.raises(ValueError, match=field):
        artifacts.save_record("numbers", {"n": 1}, **(CARD | {field: " "}), folder=tmp_path)


def test_interrupted_write_leaves_the_old_record(tmp_path, monkeypatch):
    artifacts.save_record("numbers", {"n": 1}, **CARD, folder=tmp_path)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        artifacts.save_record("numbers", {"n": 2}, **CARD, folder=tmp_path)
    assert artifacts.load_record("numbers", folder=tmp_path) == {"n": 1}
    assert not list(tmp_path.rglob("*.part"))


def test_everything_shipped_loads_has_a_card_and_fits():
    root, seen = artifacts.SHIPPED, set()
    for kind, names in artifacts.available().items():
        for name in names:
            load = {"records": artifacts.load_record, "weights": artifacts.load_weights}[kind]
            assert load(name)
            seen |= {f"{kind}/{file}" for file in [*artifacts.card(name, kind=kind).sha256, f"{name}.card.json"]}
    on_disk = {p.relative_to(root).as_posix(): p.stat().st_size for p in root.rglob("*") if p.is_file()}
    keys = {
        name for name in on_disk if name.startswith("exercises/")
    }  # no artifacts: tests/exercises builds them again
    assert set(on_disk) - keys == seen, "a shipped file has no card, or a card no file"
    assert sum(on_disk.values()) <= artifacts.SIZE_LIMIT


def test_cards_are_plain_json(tmp_path):
    artifacts.save_record("numbers", {"n": 1}, **CARD, folder=tmp_path)
    assert json.loads((tmp_path / "records" / "numbers.card.json").read_text())["name"] == "numbers"
