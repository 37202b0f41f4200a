"""Stein's estimate against exact risks and traces, the discrepancy against its expectation."""

import pytest
import torch

from deeprestore_lab.measures.weight_choice import discrepancy, stein_risk
from deeprestore_lab.operators import Blur, FourierFilter, Identity, Mask
from deeprestore_lab.priors import Tikhonov


def noise(shape, seed):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_stein_risk_of_a_linear_denoiser_uses_its_trace():
    y, sigma, prior = noise((1, 1, 6, 7), 0), 0.3, Tikhonov("gradient")
    basis = torch.eye(42, dtype=torch.float64).reshape(42, 1, 6, 7)
    trace = prior.prox(basis, 0.8).reshape(42, 42).diagonal().sum()
    base = (prior.prox(y, 0.8) - y).square().sum() - 42 * sigma**2
    estimates = torch.stack([stein_risk(lambda v: prior.prox(v, 0.8), y, sigma=sigma, seed=s)[0] for s in range(400)])
    exact = base + 2 * sigma**2 * trace
    standard_error = estimates.std() / 400**0.5
    assert (estimates.mean() - exact).abs() < 4 * standard_error
    assert estimates.std() > 0  # the probe does vary


def test_stein_risk_is_unbiased_for_soft_thresholding():
    sigma, x = 0.5, torch.cat([torch.zeros(1, 1, 20, 20), torch.full((1, 1, 20, 20), 2.0)], 3).double()
    y = x + sigma * noise((500, 1, 20, 40), 1)

    def soft(v):
        return v.sign() * (v.abs() - 0.6).clamp_min(0)

    difference = stein_risk(soft, y, sigma=sigma, epsilon=1e-6) - (soft(y) - x).square().flatten(1).sum(1)
    assert difference.mean().abs() < 4 * difference.std() / 500**0.5


def test_a_sweep_in_a_batch_equals_single_calls():
    y, weights = noise((1, 1, 8, 8), 2), torch.tensor([0.1, 1.0, 9.0], dtype=torch.float64)

    def sweep(v):
        return Tikhonov("gradient").prox(v, weights.repeat(2))

    together = stein_risk(sweep, y.expand(3, -1, -1, -1), sigma=0.2)
    alone = [stein_risk(lambda v, w=w: Tikhonov("gradient").prox(v, float(w)), y, sigma=0.2)[0] for w in weights]
    torch.testing.assert_close(together, torch.stack(alone))


def test_the_discrepancy_of_pure_noise_is_one():
    x = torch.zeros(3, 2, 100, 100, dtype=torch.float64)
    assert ((discrepancy(Identity(), x, 0.2 * noise(x.shape, 3), sigma=0.2) - 1).abs() < 0.05).all()
    mask = (noise((1, 1, 100, 100), 4) > 0).double()
    y = mask * 0.2 * noise(x.shape, 5)
    assert ((discrepancy(Mask(mask), x, y, sigma=0.2) - 1).abs() < 0.05).all()


def test_bad_calls_are_refused():
    y = noise((1, 1, 4, 4), 6)
    with pytest.raises(ValueError, match="sigma must be"):
        stein_risk(lambda v: v, y, sigma=-1)
    with pytest.raises(ValueError, match="gave shape"):
        stein_risk(lambda v: v[..., :2], y, sigma=0.1)


def test_the_discrepancy_counts_what_a_mask_after_another_operator_measures():
    x, known = noise((1, 1, 8, 8), 2), torch.zeros(8, 8)
    known[:2] = 1
    y, plain = Mask(known)(noise((1, 1, 8, 8), 3)), FourierFilter(torch.ones(8, 5), size=(8, 8))
    got, expected = (discrepancy(operator, x, y, sigma=0.3) for operator in (Mask(known) @ plain, Mask(known)))
    torch.testing.assert_close(got, expected)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="y has shape"):
        discrepancy(Identity(), noise((1, 3, 4, 4), 0), noise((1, 1, 4, 4), 0), sigma=0.1)
    with pytest.raises(ValueError, match="sigma must be .* one for all images"):
        stein_risk(lambda v: v, noise((2, 1, 4, 4), 0), sigma=torch.tensor([0.1, 0.2]))


def test_the_discrepancy_does_not_depend_on_how_operators_are_bracketed():
    """Against the number of values that the mask keeps."""
    x, known = noise((2, 1, 8, 8), 3).abs(), noise((8, 8), 4) > 1
    blur = Blur(torch.ones(3, 3, dtype=torch.float64) / 9)
    y = (Mask(known) @ blur)(x) + 0.1 * known * noise(x.shape, 5)
    for operator in (Mask(known) @ (blur @ blur), Mask(known) @ blur @ blur):
        expected = (operator(x) - y)[..., known].square().flatten(1).mean(1) / 0.1**2
        torch.testing.assert_close(discrepancy(operator, x, y, sigma=0.1), expected)
