"""The field of experts against a loop over patches, finite differences, and the spectrum of its whole Hessian."""

import numpy as np
import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.priors import FieldOfExperts, field_pass
from deeprestore_lab.priors.experts import EXPERTS

GENERATOR = torch.Generator().manual_seed(5)
FILTERS = torch.randn(3, 3, 2, generator=GENERATOR, dtype=torch.float64)
WEIGHTS = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
PENALTIES = {"student": lambda s: np.log(1 + s**2 / 2), "logistic": lambda s: 2 * np.log(np.cosh(s / 2))}


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_patches(x, law):
    """sum_k weight_k sum_p phi(w_k . patch) with NumPy, for one grey picture `(H, W)`."""
    high, wide = FILTERS.shape[1:]
    total = 0.0
    for i in range(x.shape[0] - high + 1):
        for j in range(x.shape[1] - wide + 1):
            responses = (FILTERS.numpy() * x[i : i + high, j : j + wide]).sum((1, 2))
            total += float((WEIGHTS.numpy() * law(responses)).sum())
    return total


@pytest.mark.parametrize("expert", EXPERTS)
@pytest.mark.parametrize("border", ["valid", "mirror"])
def test_the_value_is_a_sum_over_patches(expert, border):
    x = pictures(2, 1, 5, 6)
    padded = x.numpy()[:, 0]
    if border == "mirror":
        padded = np.pad(padded, ((0, 0), (1, 1), (0, 1)), mode="reflect")
    expected = [by_patches(picture, PENALTIES[expert]) for picture in padded]
    field = FieldOfExperts(FILTERS, WEIGHTS, expert=expert, border=border)
    torch.testing.assert_close(field(x), torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("expert", EXPERTS)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_is_that_of_the_value(expert, channels, monkeypatch):
    """Against finite differences, through strips of one row; and minus the score."""
    monkeypatch.setattr(field_pass, "STRIP", 1)
    field = FieldOfExperts(FILTERS, WEIGHTS, expert=expert)
    x = pictures(2, channels, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(field, x)
    gradient = torch.autograd.grad(field(x).sum(), x)[0]
    torch.testing.assert_close(field.score(x), -gradient)


def test_the_gradient_can_be_differentiated_again():
    x = pictures(1, 1, 3, 4).requires_grad_()
    assert torch.autograd.gradgradcheck(FieldOfExperts(FILTERS, WEIGHTS), x)


def test_a_picture_alone_is_as_in_a_batch_and_strips_change_nothing(monkeypatch):
    field, x = FieldOfExperts(FILTERS.float(), WEIGHTS.float()), pictures(3, 1, 9, 8).float()
    together = field(x)
    assert all(torch.equal(field(x[i : i + 1]), together[i : i + 1]) for i in range(3))
    monkeypatch.setattr(field_pass, "STRIP", 60)
    torch.testing.assert_close(field(x), together)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9])
def test_logarithms_of_products_add_up(count):
    t = 1 + pictures(2, count)
    torch.testing.assert_close(field_pass._log_sum(t), t.log().sum(1))


def test_grey_in_three_channels_is_grey():
    field, x = FieldOfExperts(FILTERS, WEIGHTS), pictures(2, 1, 5, 6)
    torch.testing.assert_close(field(x.expand(-1, 3, -1, -1)), field(x))


def test_colour_differences_have_their_own_scale_and_weight():
    """Red and blue that differ by d: the difference (red - blue) / sqrt(2), scaled; luminance stays."""
    grey = FieldOfExperts(FILTERS, WEIGHTS)
    field = FieldOfExperts(FILTERS, WEIGHTS, chroma_scale=3.0, chroma_weight=0.5)
    d, zero = pictures(1, 1, 5, 6) - 0.5, torch.zeros(1, 1, 5, 6, dtype=torch.float64)
    x = 0.5 + torch.cat([d / 2, zero, -d / 2], 1)
    constant = grey(zero + 0.5) + 0.5 * grey(zero)
    torch.testing.assert_close(field(x), constant + 0.5 * grey(3 * d / 2**0.5))


@pytest.mark.parametrize("border", ["valid", "mirror"])
@pytest.mark.parametrize("channels", [1, 3])
def test_no_eigenvalue_of_the_hessian_leaves_the_bounds(border, channels):
    field = FieldOfExperts(FILTERS, WEIGHTS, border=border, chroma_scale=1.5, chroma_weight=0.7)
    low, high = field.curvature_bounds(channels=channels)
    for scale in (0.0, 4.0, 30.0):
        x = scale * (pictures(1, channels, 5, 5) - 0.5)
        hessian = torch.autograd.functional.hessian(lambda v: field(v).sum(), x).reshape(x.numel(), -1)
        values = torch.linalg.eigvalsh(hessian)
        assert low <= values[0] and values[-1] <= high
        if scale == 0 and border == "valid":
            assert values[-1] > 0.5 * high  # the bound is of use: on large pictures it is reached


def test_the_bound_of_one_known_filter():
    """A difference of neighbours has the power 4 sin^2(omega / 2), at most 4; phi'' is 1 at most and -1/8 at least."""
    field = FieldOfExperts(torch.tensor([[[1.0, -1.0]]]), torch.tensor([3.0]), border="valid")
    low, high = field.curvature_bounds()
    assert 12 <= high < 12.1 and low == pytest.approx(-high / 8)


def test_it_is_a_smooth_prior_that_lbfgs_takes():
    """Where its curvature is too small to matter against the data, the solution is near to y; the trace converges."""
    y = pictures(2, 1, 8, 8)
    trace = minimise(GaussianLikelihood(Identity(), y, sigma=0.1) + FieldOfExperts(FILTERS, WEIGHTS), y, progress=False)
    assert trace.solver == "lbfgs" and bool(trace.converged.all())
    residual = (trace.x - y) / 0.1**2 - FieldOfExperts(FILTERS, WEIGHTS).score(trace.x)
    assert float(residual.abs().max()) < 1e-2 * float(((trace.x - y) / 0.1**2).abs().max())


@pytest.mark.parametrize("name", ["student", "logistic"])
def test_what_ships_has_filters_without_mean_and_a_weight_for_each(name):
    field = FieldOfExperts.trained(expert=name)
    assert field.filters.shape == (24, 5, 5) and bool((field.weights > 0).all())
    means = field.filters.mean((1, 2)).abs() / field.filters.flatten(1).norm(dim=1)
    assert float(means.max()) < 1e-5


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"filters must be a finite float tensor"):
        FieldOfExperts(FILTERS[0], WEIGHTS)
    with pytest.raises(ValueError, match="a finite float tensor"):
        FieldOfExperts(FILTERS * torch.nan, WEIGHTS)
    with pytest.raises(ValueError, match="one a filter"):
        FieldOfExperts(FILTERS, WEIGHTS[:2])
    with pytest.raises(ValueError, match="weights must be"):
        FieldOfExperts(FILTERS, -WEIGHTS)
    with pytest.raises(ValueError, match="expert must be one of"):
        FieldOfExperts(FILTERS, WEIGHTS, expert="gauss")
    with pytest.raises(ValueError, match="border must be one of"):
        FieldOfExperts(FILTERS, WEIGHTS, border="circular")
    with pytest.raises(ValueError, match="chroma_scale must be"):
        FieldOfExperts(FILTERS, WEIGHTS, chroma_scale=0.0)
    with pytest.raises(ValueError, match="filters of 3 x 2 and takes grey or colour"):
        FieldOfExperts(FILTERS, WEIGHTS)(pictures(1, 2, 5, 5))
    with pytest.raises(ValueError, match="1 channel or 3"):
        FieldOfExperts(FILTERS, WEIGHTS).curvature_bounds(channels=2)
    with pytest.raises(ValueError, match="there are student 0 to 2, logistic 0"):
        FieldOfExperts.trained(expert="logistic", seed=1)
    with pytest.raises(ValueError, match="has no calibrated weight"):
        FieldOfExperts(FILTERS, WEIGHTS).calibrated(0.1)


def test_no_pictures_have_no_values():
    assert FieldOfExperts.trained()(torch.rand(0, 1, 16, 16)).shape == (0,)


def test_a_mirror_shows_a_pixel_four_times_and_the_bound_knows_it():
    """A filter with one value at its corner sees the pixel (1, 1) from four places: R(t e) = 4 log(1 + t^2 / 2)."""
    corner = torch.zeros(1, 3, 3)
    corner[0, 0, 0] = 1.0
    field, x = FieldOfExperts(corner, torch.ones(1)), torch.zeros(1, 1, 8, 8).double()
    x[0, 0, 1, 1] = 0.5
    assert float(field(x)) == pytest.approx(4 * np.log1p(0.5**2 / 2), rel=1e-6)
    assert 4 <= field.curvature_bounds()[1] <= 4.02  # its second derivative at t = 0 is 4
