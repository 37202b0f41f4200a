"""IMLE: the limit that defines it, the modes it must not drop, and its latent form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from deeprestore_lab.generators import (
    GLANN,
    GLO,
    IMLE,
    matching_cost,
    summed_log_density,
    train_glann,
    train_imle,
)
from deeprestore_lab.networks import leaky_layers


def draw(count: int, dimensions: int, seed: int) -> torch.Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_summed_density_is_a_mixture_of_normals():
    x, samples = draw(4, 3, 0), draw(6, 3, 1)
    parts = torch.distributions.MultivariateNormal(samples, 0.25 * torch.eye(3).double())
    mixture = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(torch.ones(6).double()), parts)
    torch.testing.assert_close(summed_log_density(x, samples, sigma=0.5), mixture.log_prob(x))


def test_matching_is_the_limit_of_the_summed_density_within_the_stated_bound():
    x, samples = draw(8, 3, 0), draw(20, 3, 1)
    cost = float(matching_cost(x, samples))
    gaps = []
    for sigma in (1.0, 0.3, 0.1, 0.03, 0.01):
        constant = 3 / 2 * math.log(2 * math.pi * sigma**2)
        value = float(-2 * sigma**2 * (summed_log_density(x, samples, sigma=sigma) + constant).sum())
        gaps.append(value - cost)
        assert 0 <= gaps[-1] <= 8 * 2 * sigma**2 * math.log(20) + 1e-9
    assert gaps == sorted(gaps, reverse=True) and gaps[-1] < 1e-2


def test_their_gradients_agree_in_the_limit():
    x, samples = draw(8, 3, 0), draw(20, 3, 1).requires_grad_()
    (exact,) = torch.autograd.grad(matching_cost(x, samples), samples)
    soft = -2 * 0.01**2 * summed_log_density(x, samples, sigma=0.01).sum()
    torch.testing.assert_close(torch.autograd.grad(soft, samples)[0], exact, atol=1e-6, rtol=0)


def test_the_cost_sees_a_dropped_mode_and_not_a_stray_sample():
    x = torch.cat([draw(50, 2, 0) * 0.1, draw(50, 2, 1) * 0.1 + 5])
    both, one = x[::2], x[:50]
    stray = torch.cat([both, torch.full((1, 2), 99.0).double()])
    assert matching_cost(x, one) > 100 * matching_cost(x, both)
    assert matching_cost(x, stray) == matching_cost(x, both)


@pytest.mark.slow
def test_a_trained_generator_covers_both_modes():
    x = torch.cat([draw(150, 2, 0) * 0.2 - 2, draw(150, 2, 1) * 0.2 + 2]).float()
    torch.manual_seed(0)
    network = leaky_layers([2, 32, 2])
    train_imle(network, x, latent=2, steps=200, pool=256, refresh=10, batch=64, lr=1e-2, progress=False)
    with torch.no_grad():
        samples = network(draw(1000, 2, 5).float())
    share = float((samples.sum(1) > 0).double().mean())
    assert 0.2 < share < 0.8
    assert float(matching_cost(x, samples)) / len(x) < 0.05


def test_steps_between_two_searches_descend_on_pairs_that_stay():
    """A linear generator with one code each: after one search the fit is least squares to the matched data."""
    x = torch.tensor([[1.0, 0.0]])
    network = nn.Linear(1, 2, bias=False)
    searches = []

    class Counting:
        def __init__(self, samples):
            searches.append(len(samples))

        def query(self, rows, *, k=1):
            return torch.zeros(len(rows), k), torch.full((len(rows), k), 3)

    history = train_imle(
        network, x, latent=1, steps=60, pool=7, refresh=60, batch=4, lr=5e-2, search=Counting, progress=False
    )
    assert searches == [7] and history.loss[-1] < 1e-3


def test_seeds_repeat_a_run():
    x, weights = draw(40, 2, 0).float(), []
    for _ in range(2):
        torch.manual_seed(0)
        network = nn.Linear(2, 2)
        train_imle(network, x, latent=2, steps=6, pool=16, refresh=4, batch=8, jitter=0.1, progress=False)
        weights.append(network.weight.detach().clone())
    assert torch.equal(*weights)


def test_an_interrupted_run_ends_as_it_would_have(tmp_path, monkeypatch):
    """It is stopped at step 12, between the searches of steps 10 and 15."""
    monkeypatch.setattr("deeprestore_lab.solve.saved_run.EVERY_SECONDS", -1.0)  # saved before every step
    x = draw(40, 2, 0).float()

    def run(name, *, stop=None):
        def rate(step):
            if step == stop:
                raise KeyboardInterrupt
            return 1e-2

        torch.manual_seed(0)
        network = nn.Linear(2, 2)
        settings = {"latent": 2, "steps": 14, "pool": 16, "refresh": 5, "batch": 8, "jitter": 0.1, "progress": False}
        train_imle(network, x, checkpoint=tmp_path / name, lr=rate, **settings)
        return network.weight.detach().clone()

    with pytest.raises(KeyboardInterrupt):
        run("stopped", stop=12)
    assert torch.equal(run("stopped"), run("whole"))


def test_the_latent_form_covers_the_codes_and_leaves_the_decoder():
    images = torch.rand(80, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    glo = GLO(images, latent=2, widths=(8,))
    before = {name: value.clone() for name, value in glo.state_dict().items()}
    glann = GLANN(glo, width=16)
    history = train_glann(glann, steps=80, pool=128, refresh=10, batch=32, lr=1e-2, progress=False)
    assert sum(history.loss[-10:]) < sum(history.loss[:10]) / 3
    assert all(torch.equal(before[name], value) for name, value in glo.state_dict().items())
    samples = glann.sample(5, seed=3)
    assert samples.shape == (5, 1, 4, 4) and torch.equal(samples, glann.sample(5, seed=3))


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="samples"):
        matching_cost(torch.zeros(3, 2), torch.zeros(3, 4))
    with pytest.raises(ValueError, match="sigma"):
        summed_log_density(torch.zeros(3, 2), torch.zeros(3, 2), sigma=0.0)
    with pytest.raises(ValueError, match="pool"):
        train_imle(nn.Linear(1, 1), torch.zeros(3, 1), latent=1, steps=1, pool=0)
    with pytest.raises(ValueError, match=r"codes must be a float tensor \(N, 4\)"):
        IMLE(latent=4, widths=(8,), shape=(1, 2, 2))(torch.zeros(3, 5))
