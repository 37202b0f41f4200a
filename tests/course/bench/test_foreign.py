"""EPLL as a method of the bench: its start, its level, and pictures one by one."""

import pytest
import torch

from deeprestore_lab.baselines.epll import epll, patch_mixture
from deeprestore_lab.course import bench
from deeprestore_lab.course.bench import foreign
from deeprestore_lab.course.bench.rivals import RIVALS
from deeprestore_lab.measures.metrics import psnr

pytest.importorskip("deepinv")
X = bench.pictures()[:2, :, :40, :40]


@pytest.fixture
def small(monkeypatch):
    """A small mixture in the place of that of the record, which takes half a minute."""
    monkeypatch.setattr(
        foreign, "epll", lambda *given, **more: epll(*given, mixture=patch_mixture(4, count=200, rounds=2), **more)
    )


def test_the_start_is_total_variation_and_the_level_20_but_for_noise_alone():
    variation = {rival.name: rival for rival in RIVALS}["total variation"]
    problem = bench.task("half of the pixels").problem(X)
    start, first = foreign._first(problem)
    torch.testing.assert_close(start, variation.restored(problem, 1.0))
    assert first == 20 / 255
    problem = bench.task("noise 10").problem(X)
    start, first = foreign._first(problem)
    assert first == 10 / 255 and torch.equal(start, problem.y)


@pytest.mark.parametrize("name", ["half of the pixels", "2 times smaller"])
def test_a_picture_alone_is_as_in_the_batch_and_the_weight_counts(small, name):
    problem = bench.task(name).problem(X)
    found = foreign.DEEPINV.restored(problem, 1.0)
    torch.testing.assert_close(found[1:], foreign.DEEPINV.restored(problem.alone(1), 1.0))
    assert not torch.allclose(found, foreign.DEEPINV.restored(problem, 0.1), atol=1e-3)


def test_noise_is_less_at_weight_one(small):
    problem = bench.task("noise 25").problem(X)
    found = foreign.DEEPINV.restored(problem, 1.0)
    assert bool((psnr(found, X) > psnr(problem.y, X) + 4).all())


def test_weight_one_is_tried_first():
    assert foreign.DEEPINV.settings(5 / 255)[0] == (1.0, None)
    assert len(foreign.DEEPINV.settings(5 / 255)) == len(foreign.WEIGHTS)
