"""Likelihoods against SciPy's densities and against the definition of a proximal step."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood
from deeprestore_lab.operators import Blur, Identity, Mask
from deeprestore_lab.signal.kernels import gaussian_kernel
from small_operators import Half, Network, Square, images


def test_gaussian_likelihood_is_a_log_density():
    x, y = images(seed=1), images(seed=2)[:, :, :2] * 3
    got = GaussianLikelihood(Half(), y, sigma=0.2)(x)
    predicted = 2 * x[:, :, ::2].numpy()
    best = stats.norm.logpdf(0, scale=0.2) * y[0].numel()
    expected = best - stats.norm.logpdf(y.numpy(), predicted, 0.2).sum((1, 2, 3))
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_laplace_likelihood_is_a_log_density():
    x, y = images(seed=1), images(seed=2)
    got = LaplaceLikelihood(Identity(), y, scale=0.3)(x)
    expected = stats.laplace.logpdf(0, scale=0.3) * y[0].numel() - stats.laplace.logpdf(y, x, 0.3).sum((1, 2, 3))
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_poisson_likelihood_is_a_log_density():
    x, counts = images(seed=1), torch.poisson(20 * images(seed=2), generator=torch.Generator().manual_seed(3))
    got = PoissonLikelihood(Identity(), counts / 20, peak=20)(x)
    k, mean = counts.numpy(), 20 * x.numpy()
    expected = (stats.poisson.logpmf(k, np.maximum(k, 1e-300)) - stats.poisson.logpmf(k, mean)).sum((1, 2, 3))
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_poisson_likelihood_outside_its_domain():
    y = torch.tensor([[[[0.0, 1.0]]]])
    likelihood = PoissonLikelihood(Identity(), y, peak=10)
    assert torch.isinf(likelihood(torch.tensor([[[[-0.1, 1.0]]]]))).all()
    assert torch.isinf(likelihood(torch.tensor([[[[0.0, 0.0]]]]))).all()
    assert likelihood(torch.tensor([[[[0.0, 1.0]]]])).item() == 0
    with pytest.raises(ValueError, match="at least 0 everywhere: its smallest value is -1"):
        PoissonLikelihood(Identity(), y - 1, peak=10)


def test_what_an_fft_leaves_below_zero_is_no_impossible_count():
    x = torch.zeros(1, 1, 32, 32)
    x[..., 12:20, 12:20] = 1
    blur = Blur(gaussian_kernel(1.6))
    mean = blur(x)
    assert mean.min() < 0, "this picture no longer shows what is tested"
    for y in (torch.zeros_like(mean), mean):  # nothing seen, and what a simulation without noise would give
        likelihood = PoissonLikelihood(blur, y, peak=60)
        assert (likelihood.y >= 0).all()
        at = x.clone().requires_grad_()
        value = likelihood(at)
        assert torch.isfinite(value).all()
        (gradient,) = torch.autograd.grad(value.sum(), at)
        assert torch.isfinite(gradient).all()
        if not y.any():  # the energy is then peak * sum(A x), the gradient peak everywhere, at zero too
            torch.testing.assert_close(value, torch.tensor([60 * 64.0]), rtol=1e-5, atol=0)
            torch.testing.assert_close(gradient, torch.full_like(x, 60.0), rtol=1e-5, atol=0)
    below = mean - 1e-3
    assert torch.isinf(PoissonLikelihood(Identity(), torch.zeros_like(x), peak=60)(below)).all()


def test_the_rounding_allowed_belongs_to_each_image():
    x = torch.cat([torch.full((1, 1, 4, 4), -1e-6), torch.ones(1, 1, 4, 4)])
    energy = PoissonLikelihood(Identity(), torch.zeros_like(x), peak=1.0)
    assert torch.isinf(energy(x)).tolist() == [True, False]


@given(step=st.floats(1e-4, 1e3), kind=st.sampled_from(["laplace", "poisson"]), seed=st.integers(0, 50))
def test_prox_beats_every_neighbour(step, kind, seed):
    y, v = images(seed=seed), 2 * images(seed=seed + 100) - 0.5
    energy = (
        LaplaceLikelihood(Identity(), y, scale=0.3) if kind == "laplace" else PoissonLikelihood(Identity(), y, peak=9)
    )
    x = energy.prox(v, step)

    def objective(point):
        return (point - v).square().flatten(1).sum(1) / 2 + step * energy(point)

    for scale in (1e-1, 1e-3):
        other = x + scale * (images(seed=seed + 7) - 0.5)
        assert (objective(other) >= objective(x) - 1e-9).all()


@pytest.mark.parametrize("kind", [LaplaceLikelihood, PoissonLikelihood])
def test_split_gives_the_same_value(kind):
    x, y = images(seed=1), images(seed=2)[:, :, :2]
    energy = kind(Half(), y, **({"scale": 0.3} if kind is LaplaceLikelihood else {"peak": 7}))
    operator, inner = energy.split()
    assert inner.has_prox and not energy.has_prox
    torch.testing.assert_close(inner(operator(x)), energy(x))


def test_whole_numbers_in_a_tensor_are_numbers():
    x, operator = images(), Half()  # no image comes out of it, so its level may be above 1
    z = operator(x)
    got = GaussianLikelihood(operator, 0 * z, sigma=torch.tensor([1, 2]))(x)
    torch.testing.assert_close(got, z.square().flatten(1).sum(1) / torch.tensor([2, 8]))


def test_the_split_changes_the_operator_and_nothing_else():
    x, y = images(seed=1), images(seed=2)
    energy = LaplaceLikelihood(Half(), y[:, :, :2], scale=torch.tensor([0.1, 0.4]))
    before, (operator, inner) = energy(x), energy.split()
    assert operator is energy.operator and isinstance(inner.operator, Identity)
    assert isinstance(inner, LaplaceLikelihood) and inner.scale is energy.scale
    torch.testing.assert_close(energy(x), before, rtol=0, atol=0)
    with pytest.raises(NotImplementedError, match="identity operator only"):
        energy.prox(x, 0.1)


def test_quadratic_form_gives_the_same_value():
    x, y = images(seed=1), images(seed=2)[:, :, :2]
    energy = GaussianLikelihood(Half(), y, sigma=0.2)
    form = energy.quadratic()
    value = form.precision / 2 * (form.operator(x) - form.target).square().flatten(1).sum(1)
    torch.testing.assert_close(value, energy(x))
    assert GaussianLikelihood(Square(), images(), sigma=0.2).quadratic() is None


def test_wrong_measurements_and_noise_levels_are_refused():
    with pytest.raises(ValueError, match="measurement y has shape"):
        GaussianLikelihood(Identity(), images(1, 3, 4, 4), sigma=0.1)(images(1, 3, 4, 5))
    with pytest.raises(ValueError, match="not finite"):
        GaussianLikelihood(Identity(), torch.full((1, 1, 2, 2), torch.nan), sigma=0.1)
    with pytest.raises(ValueError, match="sigma must be"):
        GaussianLikelihood(Identity(), images(), sigma=0)


@pytest.mark.parametrize("hole", [torch.nan, torch.inf])
def test_what_is_missing_is_left_out_as_the_message_says(hole):
    x, y, seen = images(seed=1), images(seed=2), torch.ones(4, 5, dtype=torch.bool)
    seen[1, 2] = False
    y[:, :, 1, 2] = hole
    with pytest.raises(ValueError, match=r"y\.nan_to_num\(0, 0, 0\) and a Mask"):
        GaussianLikelihood(Identity(), y, sigma=0.1)
    got = GaussianLikelihood(Mask(seen), y.nan_to_num(0, 0, 0), sigma=0.1)(x)
    torch.testing.assert_close(got, 50 * (x - y)[:, :, seen].square().sum((1, 2)))


def test_a_network_with_a_layer_called_linear_is_not_a_linear_operator():
    phi, y = Network(), images()
    gaussian = GaussianLikelihood(phi, y, sigma=0.1)
    assert gaussian.quadratic() is None and (gaussian @ phi).quadratic() is None
    for energy in (LaplaceLikelihood(phi, y, scale=0.1), PoissonLikelihood(phi, y, peak=5)):
        assert energy.split()[1] is energy


def test_the_energy_has_the_precision_of_the_image():
    x, y = images().float(), images(seed=1)
    energies = (
        GaussianLikelihood(Identity(), y, sigma=0.1),
        LaplaceLikelihood(Identity(), y, scale=0.1),
        PoissonLikelihood(Identity(), y, peak=5),
    )
    assert {energy(x).dtype for energy in energies} == {torch.float32}
    assert {energy.prox(x, 0.1).dtype for energy in energies[1:]} == {torch.float32}


@pytest.mark.parametrize("step", [1.0, 1e2, 1e4, 1e6])
def test_the_step_of_counts_keeps_its_digits_in_single_precision(step):
    """A long step pulls towards y: the two roots then are far apart in size, and their difference must not cancel."""
    y, v = images(seed=1) * torch.logspace(-6, 0, 5).double(), 3 * images(seed=2) - 1
    exact = PoissonLikelihood(Identity(), y, peak=30.0).prox(v, step)
    found = PoissonLikelihood(Identity(), y.float(), peak=30.0).prox(v.float(), step)
    slope = (exact - v) + 30.0 * step * (1 - y / exact)  # of what the step minimises
    assert (slope.abs() <= 1e-12 * 30.0 * step / exact).all()
    torch.testing.assert_close(found, exact.float(), rtol=1e-5, atol=0)
