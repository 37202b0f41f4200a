"""The shipped flow of two moons: it began where the chapter's begins, and each state is a density that gains."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from deeprestore_lab.core import artifacts
from deeprestore_lab.generators import vector_flow
from deeprestore_lab.measures.sample_quality import hole_rate, threshold_of


@pytest.fixture
def script():
    return import_module("scripts.weights.moon_flow")


@pytest.fixture(scope="module")
def states():
    """The weights by step."""
    found: dict[int, dict[str, torch.Tensor]] = {}
    for name, w in artifacts.load_weights("moon_flow").items():
        step, name = name.split(".", 1)
        found.setdefault(int(step), {})[name] = w
    return found


def flow(script, weights):
    model = vector_flow(2, depth=script.DEPTH, width=script.WIDTH)
    model.load_state_dict(weights)
    return model.requires_grad_(False)


def test_it_began_where_the_chapter_begins(script, states):
    assert tuple(sorted(states)) == script.KEPT
    fresh = vector_flow(2, depth=script.DEPTH, width=script.WIDTH).initialise(script.moons(2000, 0))
    for name, w in fresh.state_dict().items():
        assert torch.allclose(states[0][name], w, atol=1e-4, rtol=1e-4), name


def test_every_state_sums_to_one_over_the_plane(script, states):
    axis = torch.arange(-5, 5, 0.1) + 0.05
    grid = torch.cartesian_prod(axis, axis)
    for step in (0, 400, script.KEPT[-1]):
        total = float(flow(script, states[step]).log_density(grid).double().exp().sum() * 0.1**2)
        assert total == pytest.approx(1, abs=0.01), step


def test_more_steps_leave_fewer_samples_between_the_moons(script, states):
    """The share falls all the way, to near that of new data: what is left at 400 steps is no matter of topology."""
    x, held = script.moons(2000, 0), script.moons(1000, 1)
    limit = threshold_of(held, x, share=0.95)
    holes = [hole_rate(flow(script, states[s]).sample(1000, seed=3), x, threshold=limit) for s in script.KEPT]
    assert holes == sorted(holes, reverse=True) and holes[-1] < holes[3] / 2
    assert holes[-1] - hole_rate(script.moons(2000, 2), x, threshold=limit) < 0.06
    densities = [float(flow(script, states[s]).log_density(held).mean()) for s in script.KEPT]
    assert densities == sorted(densities)
