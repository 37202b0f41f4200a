"""The law without draws, against draws."""

import pytest
import torch

from deeprestore_lab.priors import DenseField
from deeprestore_lab.sampling import Ancestral, Langevin, draw, errors_of_law, karras_levels, law, noise_start

COVARIANCE = torch.tensor([[1.0, 0.6, 0.0], [0.6, 0.8, 0.2], [0.0, 0.2, 0.3]], dtype=torch.float64)
FIELD = DenseField(COVARIANCE, (1, 1, 3), mean=0.0)


def test_a_law_with_correlations_is_that_of_many_draws():
    sampler = Ancestral(FIELD, karras_levels(6, smallest=0.1, largest=3.0))
    exact = law(sampler, 9 * torch.eye(3, dtype=torch.float64))
    drawn = draw(sampler, noise_start(40_000, (1, 1, 3), sigma=3.0, seed=0), seed=1)
    torch.testing.assert_close(torch.cov(drawn.x.double().flatten(1).mT), exact, atol=0.02, rtol=0)


def test_in_the_coordinates_of_the_eigenvectors_the_two_ways_agree():
    values, vectors = torch.linalg.eigh(COVARIANCE)
    turned = DenseField(torch.diag(values), (1, 1, 3), mean=0.0)
    short = law(Langevin(turned, lr=0.05, steps=7), torch.zeros(3).double())
    full = law(Langevin(FIELD, lr=0.05, steps=7), torch.zeros(3, 3).double())
    torch.testing.assert_close(vectors @ torch.diag(short) @ vectors.mT, full)


def test_errors_and_refusals():
    found = errors_of_law(torch.tensor([3.0, 8.0]), torch.tensor([4.0, 8.0]))
    assert found["worst"] == 0.25 and found["Frobenius"] == pytest.approx(1 / 80**0.5)
    moving = DenseField(COVARIANCE, (1, 1, 3), mean=0.5)
    with pytest.raises(ValueError, match="moves the mean"):
        law(Langevin(moving, lr=0.05, steps=2), torch.zeros(3).double())
    with pytest.raises(ValueError, match="start must be"):
        law(Langevin(FIELD, lr=0.05, steps=2), torch.zeros(3, 2).double())
    with pytest.raises(ValueError, match="shape of the true ones"):
        errors_of_law(torch.ones(2), torch.ones(3))


def test_the_loop_names_what_it_cannot_take():
    with pytest.raises(ValueError, match="sampler must be one of"):
        draw(lambda k, x, noise: x, torch.zeros(1, 1, 1, 3), seed=0)
    with pytest.raises(ValueError, match="a snapshot"):
        draw(Langevin(FIELD, lr=0.05, steps=2), torch.zeros(1, 1, 1, 3), seed=0, snapshots=[3])
    seen = []
    draw(Langevin(FIELD, lr=0.05, steps=2), torch.zeros(1, 1, 1, 3), seed=0, callback=lambda k, x: seen.append(k))
    assert seen == [1, 2]
    with pytest.raises(ValueError, match="shape must be"):
        noise_start(2, (3, 3), sigma=1.0, seed=0)


def test_a_start_of_the_same_seed_is_not_the_first_noise():
    """One ancestral step from 5 to 1 of pictures that are 0: N(0, 1), if start and noise are independent."""
    start = noise_start(1, (1, 200, 200), sigma=5.0, seed=0)
    found = draw(Ancestral(lambda y, sigma: 0 * y, [5.0, 1.0]), start, seed=0).x
    assert float(found.var()) == pytest.approx(1.0, rel=0.04)  # 1.39 if they are the same numbers
