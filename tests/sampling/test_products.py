"""Products and ratios in the solvable world, against Gaussian algebra; flow matching; reweighting."""

import pytest
import torch

from deeprestore_lab.priors import DenseField, GaussianMixture
from deeprestore_lab.sampling import (
    Euler,
    LayerPrior,
    LogisticRatio,
    as_velocity,
    effective_sample_size,
    field_product,
    fit_in_turn,
    resampled,
    summed_scores,
    switched,
    tempered,
    time_of_level,
    velocity_as_mean,
)

GENERATOR = torch.Generator().manual_seed(0)
ROOT = torch.randn(5, 5, generator=GENERATOR, dtype=torch.float64)
C0 = ROOT @ ROOT.mT / 5 + 0.3 * torch.eye(5, dtype=torch.float64)
PHI = torch.randn(2, 5, generator=GENERATOR, dtype=torch.float64)
OTHER = torch.randn(2, 5, generator=GENERATOR, dtype=torch.float64)


def test_the_same_evidence_twice_and_once():
    """A layer whose law is that of p0: the product makes it 1 / (1 + w) as wide, the ratio leaves all as it was."""
    layer = LayerPrior(PHI, PHI @ C0 @ PHI.mT, weight=0.5)
    twice = torch.linalg.inv(field_product(C0, [layer]))
    torch.testing.assert_close(PHI @ twice @ PHI.mT, PHI @ C0 @ PHI.mT / 1.5)
    torch.testing.assert_close(torch.linalg.inv(field_product(C0, [layer], ratio=True)), C0)


def test_one_ratio_gives_the_layer_its_law():
    wanted = torch.tensor([[0.5, 0.1], [0.1, 0.4]], dtype=torch.float64)
    found = torch.linalg.inv(field_product(C0, [LayerPrior(PHI, wanted)], ratio=True))
    torch.testing.assert_close(PHI @ found @ PHI.mT, wanted)


def test_a_loose_tie_is_a_wider_layer():
    layer = LayerPrior(PHI, torch.eye(2).double())
    wider = LayerPrior(PHI, torch.eye(2).double() * 1.25)
    torch.testing.assert_close(field_product(C0, [layer], rho=0.5), field_product(C0, [wider]))
    with pytest.raises(ValueError, match="a ratio is no law"):
        field_product(C0, [layer], ratio=True, rho=0.5)


def test_in_turns_both_layers_get_their_law():
    true = torch.linalg.inv(torch.linalg.inv(C0) + PHI.mT @ PHI + torch.diag(torch.arange(5.0).double()))
    layers = [LayerPrior(phi, phi @ true @ phi.mT) for phi in (PHI, OTHER)]
    found, errors = fit_in_turn(C0, layers, sweeps=60)
    assert max(errors[-10:]) < 1e-6 < errors[0]
    for layer in layers:
        torch.testing.assert_close(layer.phi @ found @ layer.phi.mT, layer.covariance, atol=1e-6, rtol=1e-6)


def test_summed_scores_are_the_sum():
    layer = LayerPrior(PHI, torch.eye(2).double() * 0.5, weight=0.7)
    x = torch.randn(3, 1, 1, 5, generator=GENERATOR, dtype=torch.float64)
    field = DenseField(C0, (1, 1, 5), mean=0.0)
    own = x.flatten(1) @ PHI.mT
    added = {"same level": torch.eye(2).double(), "through the layer": PHI @ PHI.mT, "clean": 0 * torch.eye(2).double()}
    for noised, noise in added.items():
        pull = torch.linalg.solve(layer.covariance + 0.09 * noise, own.mT).mT @ PHI
        expected = field.posterior_mean(x, 0.3) - 0.09 * 0.7 * pull.reshape(x.shape)
        torch.testing.assert_close(summed_scores(C0, [layer], noised=noised)(x, 0.3), expected)
    with pytest.raises(ValueError, match="covariance must have the shape"):
        LayerPrior(PHI, torch.eye(3))


def test_the_flow_by_euler_walks_the_same_line():
    def mean(y, sigma):
        return torch.tanh(y) / (1 + sigma)

    y = torch.randn(2, 1, 2, 2, generator=GENERATOR, dtype=torch.float64)
    sigma, tau = 1.5, 0.4
    t, s = time_of_level(sigma), time_of_level(tau)
    flow = (1 - t) * y + (s - t) * as_velocity(mean)((1 - t) * y, t)
    torch.testing.assert_close(flow / (1 - s), Euler(mean, [sigma, tau]).step(0, y, torch.randn_like))
    torch.testing.assert_close(velocity_as_mean(as_velocity(mean))(y, sigma), mean(y, sigma))


def test_the_best_velocity_is_the_mean_of_noise_less_picture():
    """Pictures of variance 4 in one pixel: E[n - x | x_t] by regression on many pairs."""
    draws = torch.Generator().manual_seed(1)
    x, n = 2 * torch.randn(200_000, generator=draws), torch.randn(200_000, generator=draws)
    t = 0.3
    xt = (1 - t) * x + t * n
    slope = float((xt * (n - x)).mean() / xt.square().mean())
    velocity = as_velocity(lambda y, sigma: 4 * y / (4 + sigma**2))
    assert float(velocity(torch.ones(1, 1, 1, 1), t)) == pytest.approx(slope, abs=0.01)
    with pytest.raises(ValueError, match="t must lie"):
        velocity(torch.ones(1, 1, 1, 1), 1.0)


def test_a_switch_changes_at_its_level():
    both = switched(lambda y, sigma: y, lambda y, sigma: 2 * y, at=0.5)
    one = torch.ones(1, 1, 1, 1)
    assert [float(both(one, sigma)) for sigma in (0.6, 0.5, 0.1)] == [1.0, 2.0, 2.0]


def test_weights_and_places():
    weights = tempered([torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.0, 0.0, 1.0])], weight=0.5)
    torch.testing.assert_close(weights, torch.tensor([0.0, 0.5, 1.5]).double().softmax(0))
    assert effective_sample_size(torch.ones(7)) == 7.0
    places = resampled(torch.tensor([0.5, 0.25, 0.25]), 8, seed=0)
    assert torch.bincount(places).tolist() == [4, 2, 2]
    with pytest.raises(ValueError, match="one finite number"):
        tempered([torch.tensor([float("nan")])], weight=1.0)
    with pytest.raises(ValueError, match="at least 0"):
        effective_sample_size(torch.tensor([-1.0, 2.0]))


def test_the_classifier_knows_the_ratio_of_two_gaussians():
    """log N(0.5, 1) / N(0, 1) = x / 2 - 1 / 8, and a change of width, which the squares see."""
    draws = torch.Generator().manual_seed(0)
    p, q = 0.5 + 0.8 * torch.randn(40_000, 1, generator=draws), torch.randn(40_000, 1, generator=draws)
    x = torch.linspace(-1.5, 1.5, 7)[:, None]
    exact = torch.distributions.Normal(0.5, 0.8).log_prob(x) - torch.distributions.Normal(0.0, 1.0).log_prob(x)
    torch.testing.assert_close(LogisticRatio(p, q, ridge=1e-6)(x), exact[:, 0].double(), atol=0.06, rtol=0)
    with pytest.raises(ValueError, match="of one width"):
        LogisticRatio(p, torch.ones(3, 2))


def test_the_ratio_is_flat_where_no_sample_was():
    """More than five deviations of q away, and one outlier does not rule the fit."""
    q = torch.randn(4000, 1, generator=GENERATOR)
    p = torch.cat([torch.randn(3999, 1, generator=GENERATOR) + 0.5, torch.tensor([[1e4]])])
    ratio = LogisticRatio(p, q, ridge=1e-6)
    assert ratio.slope[1:].tolist() == pytest.approx([0.5, 0], abs=0.1)  # of log N(0.5, 1) / N(0, 1)
    edge = 5.001 * ratio.spread + ratio.middle
    assert float(ratio(edge[None])) == float(ratio(1000 * edge[None]))
    assert float(ratio(0.9 * edge[None])) != float(ratio(edge[None]))


def test_the_mixture_has_the_density_and_the_score_of_its_parts():
    directions = torch.linalg.qr(torch.randn(2, 4, 2, generator=GENERATOR, dtype=torch.float64))[0]
    means = torch.randn(2, 1, 2, 2, generator=GENERATOR, dtype=torch.float64)
    excess, floor = torch.rand(2, 2, generator=GENERATOR).double(), torch.tensor([0.1, 0.2]).double()
    weights = torch.tensor([0.4, 0.6]).double()
    mixture = GaussianMixture(weights, means, directions, excess, floor)
    x = torch.randn(5, 1, 2, 2, generator=GENERATOR, dtype=torch.float64)

    def log_density(x, sigma):
        logs = []
        for k in range(2):
            own = directions[k] @ torch.diag(excess[k]) @ directions[k].mT + (floor[k] + sigma**2) * torch.eye(4)
            law = torch.distributions.MultivariateNormal(means[k].flatten(), own)
            logs.append(weights[k].log() + law.log_prob(x.flatten(1)))
        return torch.stack(logs, 1).logsumexp(1)

    torch.testing.assert_close(mixture(x), -log_density(x, 0.0))
    for sigma in (0.0, 0.7):
        at = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(log_density(at, sigma).sum(), at)
        found = mixture.score(x) if sigma == 0 else (mixture.posterior_mean(x, sigma) - x) / sigma**2
        torch.testing.assert_close(found, slope)
    assert torch.allclose(mixture.responsibilities(x, 0.1).sum(1), torch.ones(5).double())
