"""Learning filters: independent sources against FastICA, a model's own samples, and what a step may not change."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.decomposition import FastICA

from deeprestore_lab.measures.sources import amari_distance, matched_cosines
from deeprestore_lab.training.score_matching import explicit_loss, learn_filters, random_rows, whitening

LAWS = {
    "laplace": lambda draw, shape: draw.laplace(size=shape),
    "student 5": lambda draw, shape: draw.standard_t(5, size=shape),
    "logistic": lambda draw, shape: draw.logistic(size=shape),
}


@pytest.mark.parametrize("law", LAWS)
def test_sources_are_told_apart_as_well_as_by_fastica(law: str) -> None:
    draw = np.random.default_rng(0)
    mixing = torch.from_numpy(draw.standard_normal((10, 10)))
    x = torch.from_numpy(LAWS[law](draw, (8000, 10))) @ mixing.mT
    x = x - x.mean(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it has not converged, all the better for us
        peer = FastICA(random_state=0, whiten="unit-variance").fit(x.numpy())
    white = whitening(x)
    learnt = learn_filters(white.whiten(x), 10, expert="logistic", steps=200, batch=2000)
    ours = amari_distance(white.analysis(learnt.filters), mixing)
    assert ours < amari_distance(torch.from_numpy(peer.components_), mixing) + 0.01
    assert amari_distance(random_rows(10, 10).double(), mixing) > 0.2  # what no learning gives


def test_more_rows_than_dimensions_are_found_in_samples_of_the_model() -> None:
    """p(x) ~ prod_k (1 + s_k^2/2)^-6 in the plane with three filters, drawn on a fine grid."""
    angles = torch.tensor([0.2, 1.2, 2.3])
    truth = 3 * torch.stack([angles.cos(), angles.sin()], dim=1)
    line = torch.linspace(-3, 3, 601)
    grid = torch.cartesian_prod(line, line)
    energy = (grid @ truth.mT).square().div(2).log1p().sum(1)
    draw = torch.Generator().manual_seed(0)
    chosen = torch.multinomial((-energy).exp(), 20_000, replacement=True, generator=draw)
    x = grid[chosen] + 0.01 * (torch.rand(20_000, 2, generator=draw) - 0.5)
    learnt = learn_filters(x, 3, norm=3.0, steps=300)
    assert matched_cosines(learnt.filters, truth).min() > 0.99
    torch.testing.assert_close(learnt.weights, torch.ones(3), rtol=0, atol=0.15)


def test_rows_keep_their_norm_and_weights_are_the_best() -> None:
    x = torch.randn(600, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) ** 3
    learnt = learn_filters(x, 8, norm=0.7, steps=60, batch=100, every=10, seed=2)
    torch.testing.assert_close(
        learnt.filters.norm(dim=1), torch.full((8,), 0.7, dtype=torch.float64), rtol=1e-12, atol=0
    )
    assert learnt.conditions.violation < 1e-9 and (learnt.weights >= 0).all()
    start = learn_filters(x, 8, norm=0.7, steps=1, lr=1e-12, seed=2)
    loss = [float(explicit_loss(one.filters, one.weights, x)) for one in (start, learnt)]
    assert loss[1] < loss[0]
    again = learn_filters(x, 8, norm=0.7, steps=60, batch=100, every=10, seed=2)
    assert torch.equal(again.filters, learnt.filters) and torch.equal(again.weights, learnt.weights)


def test_every_step_is_seen_and_every_sample_once_a_round() -> None:
    from deeprestore_lab.training.score_matching.filters import _Rounds

    seen = []
    learn_filters(torch.randn(50, 3), 4, steps=7, callback=lambda step, filters, weights: seen.append(step))
    assert seen == list(range(1, 8))
    rounds = _Rounds(torch.arange(12.0)[:, None], seed=0)
    first, second = (torch.cat([rounds.next(4) for _ in range(3)]).flatten() for _ in range(2))
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(12))
    assert first.tolist() != second.tolist()


def test_wrong_numbers_are_named() -> None:
    x = torch.randn(20, 3)
    for wrong, name in (({"steps": 0}, "steps"), ({"batch": 0}, "batch"), ({"norm": 0.0}, "norm"), ({"lr": -1}, "lr")):
        with pytest.raises(ValueError, match=name):
            learn_filters(x, 4, **wrong)
    with pytest.raises(ValueError, match="count"):
        learn_filters(x, 0)
