"""Steps down the levels with Langevin's walk after each, against the recursion of its variance."""

import pytest
import torch

from deeprestore_lab.sampling import Ancestral, Corrected, Euler, draw

VARIANCE = 0.5


def mean(y, sigma):
    return y * VARIANCE / (VARIANCE + sigma**2)


def test_the_variance_follows_its_recursion():
    """Of one Gaussian pixel: v is scaled by the step, then walked on, at each level."""
    levels, share, inner = [3.0, 1.0, 0.4, 0.0], 0.3, 2
    v = 9.0 + VARIANCE
    for sigma, tau in zip(levels, levels[1:], strict=False):
        kept = VARIANCE / (VARIANCE + sigma**2)
        v = v * (kept + tau / sigma * (1 - kept)) ** 2
        for _ in range(inner if tau else 0):
            pull = share * tau**2 / (VARIANCE + tau**2)
            v = (1 - pull) ** 2 * v + 2 * share * tau**2
    start = (9.0 + VARIANCE) ** 0.5 * torch.randn(1, 1, 300, 300, generator=torch.Generator().manual_seed(0))
    found = draw(Corrected(Euler(mean, levels), inner=inner, share=share), start, seed=1).x
    assert float(found.var()) == pytest.approx(v, rel=0.02)  # five deviations of the estimate


def test_a_long_walk_forgets_what_the_step_did():
    """One ancestral step from 5 to 1 is too narrow; the walk at 1 stays at (lambda + 1) / (1 - h / 2 (lambda + 1))."""
    start = 5.0 * torch.randn(1, 1, 200, 200, generator=torch.Generator().manual_seed(0))
    plain = draw(Ancestral(mean, [5.0, 1.0]), start, seed=0).x.var()
    walked = draw(Corrected(Ancestral(mean, [5.0, 1.0]), inner=60, share=0.1), start, seed=0).x.var()
    stays = (VARIANCE + 1) / (1 - 0.1 / (2 * (VARIANCE + 1)))
    assert float(plain) < 0.9 * (VARIANCE + 1)
    assert float(walked) == pytest.approx(stays, rel=0.03)


def test_evaluations_and_levels_are_counted():
    sampler = Corrected(Ancestral(mean, [2.0, 1.0, 0.5, 0.0]), inner=4, share=0.1)
    assert sampler.evaluations == 3 + 2 * 4
    run = draw(sampler, torch.zeros(1, 1, 2, 2), seed=0)
    assert run.levels == [1.0, 0.5, 0.0]


def test_a_sampler_without_levels_is_refused():
    with pytest.raises(ValueError, match="predictor must be a sampler along falling levels, got 0.5"):
        Corrected(0.5, inner=1, share=0.1)
    for wrong in ({"inner": 0, "share": 0.1}, {"inner": 1, "share": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            Corrected(Ancestral(mean, [1.0, 0.0]), **wrong)
