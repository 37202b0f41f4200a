"""The proximal step of a ridge regulariser against SciPy's Newton method and its own certificate."""

from __future__ import annotations

import torch
from scipy.optimize import minimize
from small_ridges import hessian, picture, regulariser

from deeprestore_lab.priors.ridge_prox import ridge_minimum


def exact(r, v: torch.Tensor, weight: float) -> torch.Tensor:
    """By SciPy, with the gradient by autograd and a dense Hessian."""

    def energy(x):
        x = torch.as_tensor(x).view(v.shape).requires_grad_()
        value = (x - v).square().sum() / 2 + weight * r(x).sum()
        return value.item(), torch.autograd.grad(value, x)[0].flatten().numpy()

    def bend(x):
        return torch.eye(v.numel()).double() + weight * hessian(r, torch.as_tensor(x).view(v.shape))

    found = minimize(energy, v.flatten(), jac=True, hess=bend, method="trust-exact", options={"gtol": 1e-11})
    return torch.as_tensor(found.x).view(v.shape)


def test_it_is_the_minimum():
    r, v = regulariser(), picture(seed=3)
    weight = 0.9 / r.weak_convexity
    found = ridge_minimum(r, v, weight, tolerance=1e-10)
    torch.testing.assert_close(found.x, exact(r, v, weight), rtol=0, atol=1e-8)


def test_the_distance_to_the_minimum_is_what_the_gradient_certifies():
    r, v = regulariser(), picture(4, seed=4)
    weight = 0.9 / r.weak_convexity
    best = ridge_minimum(r, v, weight, tolerance=1e-12).x
    for tolerance in (1e-1, 1e-2, 1e-3):
        rough = ridge_minimum(r, v, weight, tolerance=tolerance)
        away = (rough.x - best).square().mean((1, 2, 3)).sqrt()
        assert (rough.gradient <= tolerance).all() and (away <= rough.gradient / (1 - 0.9)).all()


def test_the_curvatures_it_gives_are_those_at_its_end():
    r, v = regulariser(), picture(seed=5)
    found = ridge_minimum(r, v, 0.5 / r.weak_convexity, tolerance=1e-9)
    torch.testing.assert_close(found.curvatures, r.slopes_and_curvatures(r.responses(found.x))[1], rtol=0, atol=1e-8)


def test_a_warm_start_ends_at_the_same_place_sooner():
    r, v = regulariser(), picture(seed=6)
    weight = 0.9 / r.weak_convexity
    cold = ridge_minimum(r, v, weight, tolerance=1e-8)
    warm = ridge_minimum(r, v, weight, start=cold.x + 1e-4, tolerance=1e-8)
    assert warm.passes < cold.passes
    torch.testing.assert_close(warm.x, cold.x, rtol=0, atol=1e-6)


def test_a_start_far_away_on_a_flank_overshoots_and_still_descends():
    """Newton's step is far too long where potentials are nearly flat."""
    r, v = regulariser(), picture(seed=7)
    weight = 0.99 / r.weak_convexity
    far = ridge_minimum(r, v, weight, start=v + 100 * picture(seed=8), tolerance=1e-8, steps=1000)
    near = ridge_minimum(r, v, weight, tolerance=1e-8)
    assert far.gradient.item() <= 1e-8
    torch.testing.assert_close(far.x, near.x, rtol=0, atol=1e-5)
