"""Log-odds of windows as a prior: exact for Gaussians whose ratio is known."""

import pytest
import torch

from deeprestore_lab.priors import LogRatio


def test_with_the_true_odds_it_is_minus_log_p_plus_log_q():
    p, q = torch.distributions.Normal(0.0, 1.0), torch.distributions.Normal(1.0, 2.0)
    z = torch.randn(3, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    prior = LogRatio(lambda z: q.log_prob(z) - p.log_prob(z))
    expected = (q.log_prob(z) - p.log_prob(z)).flatten(1).sum(1)
    assert torch.allclose(prior(z), expected)


@pytest.mark.parametrize("model", [lambda z: z, lambda z: z.mean(1), lambda z: 0.0])
def test_a_model_of_another_shape_is_refused(model):
    with pytest.raises(ValueError, match="log-odds"):
        LogRatio(model)(torch.zeros(2, 3, 4, 4))


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="model"):
        LogRatio(3)
