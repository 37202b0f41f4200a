"""The cosine schedule against torch's own."""

from __future__ import annotations

import pytest
import torch

from deeprestore_lab.training import cosine


def test_it_is_torchs_cosine():
    parameter = torch.nn.Parameter(torch.zeros(1))
    engine = torch.optim.SGD([parameter], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(engine, T_max=40, eta_min=0.03)
    rate = cosine(0.3, 40, end=0.1)
    for step in range(40):
        assert rate(step) == pytest.approx(engine.param_groups[0]["lr"], rel=1e-9)
        engine.step()
        schedule.step()


def test_it_rises_first_and_stays_at_its_end():
    rate = cosine(1.0, 20, warmup=4, end=0.25)
    assert [rate(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert rate(20) == rate(1000) == pytest.approx(0.25)


@pytest.mark.parametrize(
    "arguments", [{"lr": 0.0, "steps": 5}, {"lr": 1.0, "steps": 0}, {"lr": 1.0, "steps": 5, "warmup": 5}]
)
def test_wrong_settings_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        cosine(**arguments)


def test_a_share_above_one_is_refused():
    with pytest.raises(ValueError, match="end must be a share"):
        cosine(1.0, 5, end=1.5)
