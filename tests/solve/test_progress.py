"""The bar appears only when it is due."""

import torch

from deeprestore_lab.solve import progress as module
from deeprestore_lab.solve.progress import Progress


def steps(wanted: bool | None) -> Progress:
    with Progress(wanted, steps=3, label="adam") as bar:
        for step in (1, 2):
            bar.update(step, {"data": torch.tensor([1.5, 2.0])})
    return bar


def test_short_runs_show_nothing(capsys):
    assert steps(None).bar is None and steps(False).bar is None
    assert capsys.readouterr().err == ""


def test_long_runs_show_steps_and_energy(capsys, monkeypatch):
    monkeypatch.setattr(module, "DELAY_SECONDS", 0.0)
    assert steps(None).bar.n == 2
    assert steps(False).bar is None
    assert "energy 3.5" in capsys.readouterr().err


def test_a_bar_can_be_asked_for_at_once(capsys):
    assert steps(True).bar.n == 2
    assert "adam" in capsys.readouterr().err
