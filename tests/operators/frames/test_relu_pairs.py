"""ReLU pairs: exact without noise; what noise after them does, against closed forms and a grid of candidates."""

import pytest
import torch

from deeprestore_lab.operators.frames import from_relu_pair, relu_pair, shrink

WIDE = torch.float64


@pytest.mark.parametrize("rule", ["difference", "larger"])
def test_a_pair_gives_the_response_back(rule):
    r = torch.randn(2, 3, 4, 5, 6, dtype=WIDE)
    positive, negative = relu_pair(r)
    assert bool((positive >= 0).all()) and bool((negative >= 0).all()) and float((positive * negative).max()) == 0
    assert torch.equal(from_relu_pair(positive, negative, rule=rule), r)


def test_a_bias_is_a_soft_threshold():
    r, bias = torch.randn(5, 7, dtype=WIDE), torch.rand(7, dtype=WIDE)
    torch.testing.assert_close(from_relu_pair(*relu_pair(r, bias=bias)), shrink(r, bias))


def test_the_larger_is_the_most_probable_response():
    """Among many candidates r none fits the two noisy maps better than what the rule gives."""
    positive, negative = torch.randn(200, dtype=WIDE), torch.randn(200, dtype=WIDE)

    def misfit(r):
        return (r.clamp_min(0) - positive).square() + ((-r).clamp_min(0) - negative).square()

    found = misfit(from_relu_pair(positive, negative, rule="larger"))
    grid = torch.stack([misfit(r.expand(200)) for r in torch.linspace(-5, 5, 4001, dtype=WIDE)]).amin(0)
    assert bool((found <= grid + 1e-12).all())
    torch.testing.assert_close(found, grid, atol=1e-4, rtol=0)


def test_noise_after_the_relu_is_doubled_by_the_difference_alone():
    n = 200_000
    noise = torch.randn(2, n, dtype=WIDE)
    for value in (0.0, 6.0, -6.0):
        positive, negative = relu_pair(torch.full((n,), value, dtype=WIDE))
        by = {
            rule: from_relu_pair(positive + noise[0], negative + noise[1], rule=rule)
            for rule in ("difference", "larger")
        }
        assert float((by["difference"] - value).square().mean()) == pytest.approx(2.0, rel=0.02)
        # at 0: E max(a, b, 0)^2 of two normal numbers, 3/4 + 1/(2 pi); far from 0: one noise alone
        expected = 0.75 + 0.5 / torch.pi if value == 0 else 1.0
        assert float((by["larger"] - value).square().mean()) == pytest.approx(expected, rel=0.02)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        from_relu_pair(torch.ones(2), torch.ones(3))
    with pytest.raises(ValueError, match="rule must be one of"):
        from_relu_pair(torch.ones(2), torch.ones(2), rule="mean")
