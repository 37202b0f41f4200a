"""Overcomplete ICA against its definition, autograd, and the field of which it is one place."""

import pytest
import torch
from scipy import stats

from deeprestore_lab.priors import OvercompleteICA

DRAW = torch.Generator().manual_seed(0)
FILTERS = torch.randn(7, 3, 2, generator=DRAW, dtype=torch.float64)
WEIGHTS = torch.rand(7, generator=DRAW, dtype=torch.float64)
X = torch.randn(4, 1, 3, 2, generator=DRAW, dtype=torch.float64)


def test_value_is_minus_the_log_of_a_product_of_densities() -> None:
    """With weights 1 and logistic experts up to the density at zero."""
    prior = OvercompleteICA(FILTERS, torch.ones(7).double(), expert="logistic")
    responses = torch.einsum("kij,nij->nk", FILTERS, X[:, 0]).numpy()
    expected = -(stats.logistic.logpdf(responses) - stats.logistic.logpdf(0)).sum(1)
    torch.testing.assert_close(prior(X), torch.from_numpy(expected))


@pytest.mark.parametrize("expert", ["student", "logistic"])
def test_score_is_minus_the_gradient(expert: str) -> None:
    prior, x = OvercompleteICA(FILTERS, WEIGHTS, expert=expert), X.clone().requires_grad_()
    (slope,) = torch.autograd.grad(prior(x).sum(), x)
    torch.testing.assert_close(prior.score(X), -slope)


def test_the_mean_is_free_where_filters_sum_to_zero() -> None:
    prior = OvercompleteICA(FILTERS - FILTERS.mean((1, 2), keepdim=True), WEIGHTS)
    torch.testing.assert_close(prior(X + 0.3), prior(X))


def test_what_does_not_fit() -> None:
    prior = OvercompleteICA(FILTERS, WEIGHTS)
    with pytest.raises(ValueError, match="patches must be"):
        prior(torch.zeros(1, 1, 3, 3))
    with pytest.raises(ValueError, match="one for each filter"):
        OvercompleteICA(FILTERS, WEIGHTS[:3])
    with pytest.raises(ValueError, match="weights"):
        OvercompleteICA(FILTERS, -WEIGHTS)
    with pytest.raises(ValueError, match="'gauss'"):
        OvercompleteICA(FILTERS, WEIGHTS, expert="gauss")
    with pytest.raises(ValueError, match="no calibrated weight"):
        prior.calibrated(0.1)
