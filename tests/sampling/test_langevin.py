"""Langevin's walks: the bias of the step, Metropolis's cure, and falling levels."""

import pytest
import torch

from deeprestore_lab.energies import Energy
from deeprestore_lab.priors import DenoiserScore, DenseField, TotalVariation
from deeprestore_lab.sampling import AdjustedLangevin, AnnealedLangevin, Langevin, draw, karras_levels, law, score

VARIANCES = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
FIELD = DenseField(torch.diag(VARIANCES), (1, 1, 3), mean=0.0)


class Quartic(Energy):
    """x^4 / 4 for each value: no Gaussian."""

    def value(self, x):
        return x.pow(4).flatten(1).sum(1) / 4


def test_the_variance_of_the_unadjusted_walk():
    found = law(Langevin(FIELD, lr=0.4, steps=400), torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(found, VARIANCES / (1 - 0.4 / (2 * VARIANCES)))


def test_twice_the_smallest_variance_is_too_long_a_step():
    with pytest.raises(ValueError, match="not finite"):
        draw(Langevin(FIELD, lr=1.3, steps=2000), torch.ones(2, 1, 1, 3), seed=0)


def test_metropolis_gives_the_moments_of_a_law_that_is_no_gaussian():
    """E x^2 of exp(-x^4 / 4) is 2 Gamma(3/4) / Gamma(1/4) = 0.6760; without the test the walk is lost in its tails."""
    start, exact = torch.zeros(4000, 1, 1, 1), 2 * 1.2254167 / 3.6256099
    drawn = draw(AdjustedLangevin(Quartic(), lr=0.3, steps=60), start, seed=0)
    assert float(drawn.x.square().mean()) == pytest.approx(exact, abs=0.03)
    assert 0.7 < float(drawn.accepted.mean()) < 0.99
    with pytest.raises(ValueError, match="not finite"):
        draw(Langevin(Quartic(), lr=0.3, steps=60), start, seed=0)


def test_a_chain_is_kept():
    drawn = draw(Langevin(FIELD, lr=0.1, steps=5), torch.zeros(2, 1, 1, 3), seed=0, keep=2, snapshots=[0, 4])
    assert drawn.kept.shape == (2, 2, 1, 1, 3)
    torch.testing.assert_close(drawn.kept[0], drawn.snapshots[4])
    torch.testing.assert_close(drawn.kept[1], drawn.x)
    assert not drawn.snapshots[0].any()


def test_annealing_reaches_the_law_of_its_last_level():
    """Many small steps at each level: the variances are those of pictures with the last level's noise."""
    levels = [4.0, 2.0, 1.0]
    sampler = AnnealedLangevin(FIELD, levels, inner=400, share=0.1)
    expected = (VARIANCES + 1) / (1 - 0.1 / (2 * (VARIANCES + 1)))
    torch.testing.assert_close(law(sampler, 16 + VARIANCES), expected, rtol=1e-3, atol=0)
    assert sampler.evaluations == 1200 and sampler.level(500) == 2.0


def test_a_level_of_zero_at_the_end_is_the_mean():
    sampler = AnnealedLangevin(FIELD, karras_levels(3, smallest=0.1, largest=1.0), inner=2, share=0.5)
    x = torch.ones(1, 1, 1, 3)
    assert sampler.steps == 7
    torch.testing.assert_close(sampler.step(6, x, torch.randn_like), FIELD.posterior_mean(x, 0.1))


def test_tweedie_is_the_gradient_of_the_noisy_log_density():
    x = torch.randn(2, 1, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(score(FIELD, x, 0.7), -x / (VARIANCES + 0.49))
    torch.testing.assert_close(score(FIELD, x), -x / VARIANCES)
    halving = DenoiserScore(lambda v: v / 2, sigma=0.5)
    torch.testing.assert_close(score(halving, x), -2 * x)


def test_what_has_no_score_or_no_value_is_refused():
    with pytest.raises(ValueError, match="needs an energy with a score"):
        Langevin(TotalVariation(), lr=0.1, steps=3)
    with pytest.raises(ValueError, match="has no value"):
        AdjustedLangevin(DenoiserScore(lambda v: v / 2, sigma=0.5), lr=0.1, steps=3)
    with pytest.raises(ValueError, match="does not know its mean"):
        score(TotalVariation(), torch.ones(1, 1, 2, 2), 0.1)
    with pytest.raises(ValueError, match="smooth energy"):
        score(lambda y, sigma: y, torch.ones(1, 1, 2, 2))
