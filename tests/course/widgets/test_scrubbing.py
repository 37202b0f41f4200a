"""A trace as a slider figure: each stop shows its own snapshot, energy and PSNR."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.course.figures import picture
from deeprestore_lab.course.widgets import scrub
from deeprestore_lab.solve.trace import Trace


def trace(**changes) -> Trace:
    snapshots = {step: torch.full((2, 1, 2, 2), step / 8) for step in (0, 1, 2, 4)}
    energy = torch.arange(10.0).reshape(5, 2)
    given = {
        "x": snapshots[4],
        "solver": "adam",
        "terms": {"data": energy},
        "energy": energy,
        "seconds": torch.arange(5.0),
        "steps": torch.tensor([4, 4]),
        "stopped_by": ["steps", "steps"],
        "snapshots": snapshots,
        "psnr": energy + 20,
    }
    return Trace(**(given | changes))


def test_each_stop_shows_its_snapshot_and_numbers():
    figure = scrub(trace(), caption="See.", image=1)
    assert figure.axes[0].values == (0, 1, 2, 4) and figure.axes[0].start == 3
    html = figure.pages[(2,)]  # step 2, image 1: energy 5
    assert "energy 5, 25.0 dB" in html
    assert picture(torch.full((1, 1, 2, 2), 0.25), alt="The image at step 2; energy 5, 25.0 dB") in html


def test_without_a_reference_there_is_no_psnr():
    assert "dB" not in scrub(trace(psnr=None), caption="See.").pages[(0,)]


@pytest.mark.parametrize("image", [2, -1, True, 0.5])
def test_image_must_be_in_the_batch(image):
    with pytest.raises(ValueError, match="image must be a whole number from 0 to 1"):
        scrub(trace(), caption="See.", image=image)


def test_trace_without_snapshots_is_refused():
    with pytest.raises(ValueError, match="no snapshots"):
        scrub(trace(snapshots={}), caption="See.")
