"""The field on maps: against loops over patches, a Gaussian's own form, and finite differences."""

import math

import pytest
import torch

from deeprestore_lab.priors import MapField
from deeprestore_lab.priors.map_field import GAUSSIAN, grouped


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


Z, FILTERS, WEIGHTS = drawn(2, 3, 5, 6), drawn(4, 3, 2, 3, seed=1), drawn(4, seed=2).abs()


@pytest.mark.parametrize("expert", ["student", "logistic", GAUSSIAN])
def test_the_value_is_a_sum_over_filters_and_patches(expert):
    def potential(s):
        if expert == "student":
            return math.log1p(s * s / 2)
        return 2 * math.log(math.cosh(s / 2)) if expert == "logistic" else s * s / 2

    total = 0.0
    for i in range(4):
        for j in range(4):
            patch = Z[1, :, i : i + 2, j : j + 3]
            total += sum(float(w) * potential(float((f * patch).sum())) for f, w in zip(FILTERS, WEIGHTS, strict=True))
    assert float(MapField(FILTERS, WEIGHTS, expert=expert)(Z)[1]) == pytest.approx(total, rel=1e-10)


def test_the_score_is_minus_the_gradient():
    field, z = MapField(FILTERS, WEIGHTS), Z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(field(z).sum(), z)
    assert torch.allclose(field.score(Z), -gradient, atol=1e-12)


def test_a_gaussian_is_its_quadratic_form():
    rows = drawn(400, 8, seed=3)
    covariance = rows.T.cov()
    z = drawn(1, 2, 2, 2, seed=4)
    field = MapField.gaussian(covariance, size=2, weight=0.5)
    expected = z.flatten() @ torch.linalg.inv(covariance) @ z.flatten() / 4
    assert float(field(z)) == pytest.approx(float(expected), rel=1e-4)


def test_groups_of_their_own_are_priors_that_add_up():
    filters = grouped(drawn(4, 4, 2, 2, seed=5), 2)
    z = drawn(3, 4, 5, 5, seed=6)
    both = MapField(filters, WEIGHTS)(z)
    first = MapField(filters[:2, :2], WEIGHTS[:2])(z[:, :2])
    second = MapField(filters[2:, 2:], WEIGHTS[2:])(z[:, 2:])
    assert torch.allclose(both, first + second)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MapField(FILTERS[0], WEIGHTS),
        lambda: MapField(FILTERS, -WEIGHTS),
        lambda: MapField(FILTERS, WEIGHTS[:2]),
        lambda: MapField(FILTERS / 0, WEIGHTS),
        lambda: MapField(FILTERS, WEIGHTS)(Z[:, :2]),
        lambda: MapField(FILTERS, WEIGHTS)(Z[..., :2]),
        lambda: MapField.gaussian(torch.zeros(8, 8), size=2),
        lambda: MapField.gaussian(torch.eye(9), size=2),
        lambda: grouped(FILTERS, 2),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match="filters|weights|covariance|channels"):
        make()


def test_a_covariance_that_is_not_symmetric_is_refused():
    with pytest.raises(ValueError, match="symmetric"):
        MapField.gaussian(torch.eye(9) + torch.triu(torch.ones(9, 9)), size=3)
    with pytest.raises(ValueError, match="weight"):
        MapField.gaussian(torch.eye(9), size=3, weight=-1.0)
