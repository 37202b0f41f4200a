"""Adaptive instance normalisation: the moments it puts on a map, what eps does, and that it moves least."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from deeprestore_lab.style import adaptive_instance_normalisation
from refusals import refused


def maps(*shape: int, seed: int = 0) -> torch.Tensor:
    """Skewed values, as after a ReLU, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).clamp_min(-0.3) * 3 + 1


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 6))
def test_mean_and_deviation_are_the_styles_exactly(seed, channels, side):
    f, style = maps(2, channels, side, side + 1, seed=seed), maps(2, channels, side + 2, side, seed=seed + 1)
    assume(min(f.std((2, 3)).min(), style.std((2, 3)).min()) >= 1e-3)
    there = adaptive_instance_normalisation(f, style, eps=0.0).numpy()
    np.testing.assert_allclose(there.mean((2, 3)), style.numpy().mean((2, 3)), rtol=1e-9)
    np.testing.assert_allclose(there.std((2, 3), ddof=1), style.numpy().std((2, 3), ddof=1), rtol=1e-9)


@pytest.mark.parametrize("eps", [1e-5, 0.1, 10.0])
def test_eps_changes_the_variance_as_stated_and_not_the_mean(eps):
    f, style = maps(1, 3, 8, 8), maps(1, 3, 8, 8, seed=1)
    there = adaptive_instance_normalisation(f, style, eps=eps)
    v, v_f, v_s = (np.var(each.numpy(), axis=(2, 3), ddof=1) for each in (there, f, style))
    np.testing.assert_allclose(v, (v_s + eps) * v_f / (v_f + eps), rtol=1e-9)
    np.testing.assert_allclose(there.mean((2, 3)), style.mean((2, 3)), rtol=1e-9)


def test_a_constant_channel_stays_constant_and_without_eps_is_undefined():
    f, style = torch.full((1, 1, 4, 4), 2.0), maps(1, 1, 4, 4).float()
    there = adaptive_instance_normalisation(f, style)
    torch.testing.assert_close(there, style.mean().expand(1, 1, 4, 4))
    assert adaptive_instance_normalisation(f, style, eps=0.0).isnan().all()


def test_it_is_the_transport_that_an_assignment_finds():
    """Of all ways to pair the values with those of the result, each value goes to its own: that is optimal transport.

    For each channel alone, where the map is increasing, and for all channels at once, where it is the gradient of a
    convex function (Brenier), as long as every deviation is above 0.
    """
    f, style = maps(1, 4, 5, 6), maps(1, 4, 7, 7, seed=3)
    there = adaptive_instance_normalisation(f, style, eps=0.0)
    before, after = (each.flatten(2)[0].T.numpy() for each in (f, there))
    for columns in ([0], [3], [0, 1, 2, 3]):
        costs = ((before[:, None, columns] - after[None, :, columns]) ** 2).sum(2)
        rows, chosen = linear_sum_assignment(costs)
        assert costs[rows, chosen].sum() == pytest.approx(np.trace(costs), rel=1e-12)


def test_what_it_moves_is_the_closed_form_of_two_gaussians():
    f, style = maps(1, 3, 9, 9), maps(1, 3, 4, 8, seed=5)
    moved = (adaptive_instance_normalisation(f, style, eps=0.0) - f).numpy()
    gap = f.numpy().mean((2, 3)) - style.numpy().mean((2, 3))
    # the deviation over the map's own 81 positions that belongs to the style's unbiased one
    wider = style.numpy().std((2, 3), ddof=1) * np.sqrt(80 / 81) - f.numpy().std((2, 3))
    expected = gap**2 + wider**2
    np.testing.assert_allclose((moved**2).mean((2, 3)), expected, rtol=1e-9)


def test_alpha_blends_and_may_differ_by_image():
    f, style = maps(3, 2, 4, 4), maps(1, 2, 6, 6, seed=1)
    whole = adaptive_instance_normalisation(f, style)
    alpha = torch.tensor([0.0, 0.25, 1.0])
    there = adaptive_instance_normalisation(f, style, alpha=alpha)
    torch.testing.assert_close(there[0], f[0])
    torch.testing.assert_close(there[1], 0.75 * f[1] + 0.25 * whole[1])
    torch.testing.assert_close(there[2], whole[2])


def test_an_image_alone_is_as_in_a_batch():
    f, style = maps(3, 2, 4, 4), maps(3, 2, 6, 6, seed=1)
    together = adaptive_instance_normalisation(f, style)
    alone = torch.cat([adaptive_instance_normalisation(f[i : i + 1], style[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone)


def test_gradients_are_right():
    f, style = maps(1, 2, 3, 3).requires_grad_(), maps(1, 2, 2, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(adaptive_instance_normalisation, (f, style))


test_what_does_not_fit_is_refused = refused(
    (((1, 2, 4, 4), (1, 3, 4, 4)), 1.0, "style"),
    (((3, 2, 4, 4), (2, 2, 4, 4)), 1.0, "style must hold one map or as many as f, 3, got 2"),
    (((1, 2, 1, 1), (1, 2, 4, 4)), 1.0, "two positions"),
    (((1, 2, 4, 4), (1, 2, 4, 4)), -0.5, "alpha"),
    (((1, 2, 4, 4), (1, 2, 4, 4)), torch.tensor([1.0, 0.5]), "alpha must be a float or"),
    by=lambda shapes, alpha: adaptive_instance_normalisation(*(torch.rand(shape) for shape in shapes), alpha=alpha),
)
