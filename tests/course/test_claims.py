"""Claims: the band is asserted, the printed line does not change, notebooks compare the line and not the value."""

from __future__ import annotations

import io
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from deeprestore_lab.course import claims
from deeprestore_lab.course.claims import claim

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "measured, band",
    [
        (5.0, {"at_least": 5.0}),
        (5.0, {"at_most": 5}),
        (5, {"between": (5, 5)}),
        (np.float32(0.5), {"between": (0, 1)}),
        (torch.tensor(0.5), {"at_most": 1}),
        (math.inf, {"at_least": 3}),
    ],
)
def test_a_claim_inside_its_band_holds(capsys, measured, band):
    claim("it is so", measured, **band)
    assert capsys.readouterr().out.splitlines()[0] == "holds: it is so"


@pytest.mark.parametrize(
    "measured, band, said",
    [
        (4.999, {"at_least": 5.0}, "at least 5"),
        (5.001, {"at_most": 5.0}, "at most 5"),
        (0.9, {"between": (1, 2)}, "between 1 and 2"),
        (2, {"between": (3, 3)}, "claimed exactly 3"),
        (2.1, {"between": (1, 2)}, "between 1 and 2"),
        (math.nan, {"at_least": -1e9}, "nan"),
        (torch.tensor(math.nan), {"between": (-1, 1)}, "nan"),
    ],
)
def test_a_claim_outside_its_band_names_claim_value_and_band(capsys, measured, band, said):
    with pytest.raises(AssertionError, match="it is so") as caught:
        claim("it is so", measured, **band)
    assert said in str(caught.value) and f"{float(measured):.6g}" in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("ascii", r"holds: \u03c3 \u2265 1, na\xefve"),
        ("latin-1", r"holds: \u03c3 \u2265 1, naïve"),
        ("utf-8", "holds: σ ≥ 1, naïve"),
    ],
)
def test_a_claim_is_printed_on_a_terminal_that_lacks_its_letters(monkeypatch, encoding, line):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, newline="\n"))
    claim("σ ≥ 1, naïve", 2.0, at_least=1)
    sys.stdout.flush()
    assert raw.getvalue().decode(encoding).splitlines() == [line, "  measured: 2 (at least 1)"]


@pytest.mark.parametrize("measured", [True, np.bool_(True), "5", None, torch.tensor([1.0, 2.0]), torch.tensor(True)])
def test_only_a_number_can_be_measured(measured):
    with pytest.raises(ValueError, match="measured must be one number"):
        claim("it is so", measured, at_least=0)


@pytest.mark.parametrize(
    "band",
    [
        {},
        {"at_least": 1, "at_most": 2},
        {"between": (2, 1)},
        {"between": 1},
        {"between": (1, 2, 3)},
        {"at_least": math.nan},
        {"at_most": math.inf},
        {"at_least": True},
    ],
)
def test_a_claim_needs_exactly_one_sound_band(band):
    with pytest.raises(ValueError):
        claim("it is so", 1.5, **band)


@pytest.mark.parametrize("text", ["", " ", "two\nlines", None])
def test_a_claim_is_one_sentence(text):
    with pytest.raises(ValueError, match="one sentence"):
        claim(text, 1.0, at_least=0)


def test_only_the_value_is_left_to_the_page():
    near, far = claims.Measured(1.23456, "at least 1"), claims.Measured(7.0, "at least 1")
    assert repr(near) == repr(far)
    assert "1.235" in near._repr_html_() and "at least 1" in near._repr_html_()


def stored(said: str, measured: str) -> nbformat.NotebookNode:
    """A cell that makes this claim, and keeps the outputs of another run of another claim."""
    code = f"from deeprestore_lab import claim\nclaim({said!r}, {measured}, at_least=1)"
    cell = nbformat.v4.new_code_cell(code, metadata={"tags": ["nbval-check-output"]}, execution_count=1)
    html = claims.Measured(9.87, "at least 1")._repr_html_()
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="holds: it is so\n"),
        nbformat.v4.new_output("display_data", data={"text/plain": "measured", "text/html": html}),
    ]
    return cell


@pytest.mark.slow
def test_notebook_comparison_takes_other_values_and_refuses_other_claims(tmp_path):
    """Cells that are run again where the measured value differs, where the claim's text does, where it fails."""
    shutil.copy(ROOT / "conftest.py", tmp_path)
    shutil.copytree(ROOT / "tests" / "nbval", tmp_path / "tests" / "nbval")
    cells = [stored("it is so", "5.4321"), stored("it is not", "9.87"), stored("it is so", "0.5")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "claims.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "--nbval-lax", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400)
    ends = re.findall(r"^(PASSED|FAILED) .*::Cell (\d)", answer.stdout, flags=re.MULTILINE)
    assert sorted(ends) == [("FAILED", "1"), ("FAILED", "2"), ("PASSED", "0")], answer.stdout
    assert "holds: it is not" in answer.stdout and "does not hold: it is so" in answer.stdout
