"""The ridge regulariser against autograd, dense Hessians and the definition of its potentials."""

from __future__ import annotations

import math

import pytest
import torch
from small_ridges import SIZE, hessian, picture, regulariser
from torch.autograd import gradcheck
from torch.nn.functional import conv2d, pad

from deeprestore_lab.priors import RidgeRegulariser, field_pass, ridge_potentials
from deeprestore_lab.priors.placed_filters import PLACES
from deeprestore_lab.priors.ridge_potentials import curvature_curves
from refusals import refused, refused_by_name


def test_the_value_can_be_differentiated_twice():
    r, x = regulariser(count=1), picture()[..., :4, :4].requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: r.value(x), (x,))


def test_the_dense_hessian_of_these_tests_is_autograd_s():
    r, x = regulariser(count=1), picture()[..., :4, :4]
    expected = torch.autograd.functional.hessian(lambda x: r.value(x).sum(), x).reshape(16, 16)
    torch.testing.assert_close(hessian(r, x), expected, rtol=1e-11, atol=1e-12)


def test_the_value_is_the_sum_over_filters_places_and_terms():
    r, x = regulariser(), picture()
    expected = 0.0
    for w, a in zip(r.filters[:, 0], r.weights, strict=True):
        for i in range(SIZE[0] - 2):
            for j in range(SIZE[1] - 2):
                z = float((w * x[0, 0, i : i + 3, j : j + 3]).sum())
                expected += sum(float(c) / (2 * s) * math.log(1 + s * z * z) for c, s in zip(a, r.shapes, strict=True))
    assert r(x).item() == pytest.approx(expected, rel=1e-12)


def test_the_gradient_is_that_of_the_value_for_every_channel():
    r, x = regulariser(), picture(2, channels=3).requires_grad_()
    (expected,) = torch.autograd.grad(r(x).sum(), x)
    torch.testing.assert_close(r.gradient(x.detach()), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(r.score(x.detach()), -expected, rtol=1e-12, atol=1e-12)


def test_autograd_follows_the_gradient_to_filters_and_weights():
    r, x = regulariser(count=1), picture()[..., :4, :4]

    def gradient(filters: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return RidgeRegulariser(filters, weights).gradient(x)

    assert gradcheck(gradient, (r.filters.requires_grad_(), r.weights.requires_grad_()))


def test_the_adjoint_is_that_of_the_responses():
    r, x = regulariser(), picture(2)
    z = torch.randn(2, 4, 5 * 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close((r.responses(x) * z).sum(), (x * r.adjoint(z, SIZE)).sum(), rtol=1e-12, atol=0)


def test_strips_of_a_large_picture_are_the_whole():
    r = regulariser(count=2)
    x = torch.randn(1, 1, 40, 302, generator=torch.Generator().manual_seed(4), dtype=torch.float64).requires_grad_()
    assert 38 * 300 > 2 * PLACES
    whole = conv2d(x, r.filters).flatten(2)
    torch.testing.assert_close(r.responses(x.detach()), whole.detach(), rtol=1e-12, atol=1e-12)
    z = torch.randn(whole.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    (expected,) = torch.autograd.grad((whole * z).sum(), x)
    torch.testing.assert_close(r.adjoint(z, (40, 302)), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("border", ["valid", "mirror"])
def test_the_pass_over_strips_is_the_sum_of_the_potentials_and_its_gradient(border):
    own = regulariser()
    r = RidgeRegulariser(own.filters, own.weights, border=border)
    x = torch.randn(2, 1, 200, 330, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    assert len(r.filters) * 198 * 328 > field_pass.STRIP
    followed = x.clone().requires_grad_()
    expected = r.potentials(r.responses(followed)).flatten(1).sum(1)
    (gradient,) = torch.autograd.grad(expected.sum(), followed)
    torch.testing.assert_close(r(x), expected.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(r.gradient(x), gradient, rtol=1e-12, atol=1e-12)
    again = x.clone().requires_grad_()
    r(again).sum().backward()
    torch.testing.assert_close(again.grad, gradient, rtol=1e-12, atol=1e-12)


def test_slopes_and_curvatures_are_the_derivatives_of_the_potentials():
    r = regulariser()
    z = (3 * torch.randn(1, 4, 50, dtype=torch.float64)).requires_grad_()
    (slopes,) = torch.autograd.grad(r.potentials(z).sum(), z, create_graph=True)
    (curvatures,) = torch.autograd.grad(slopes.sum(), z)
    first, second = r.slopes_and_curvatures(z.detach())
    torch.testing.assert_close(first, slopes.detach(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(second, curvatures, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(ridge_potentials.slopes(r.weights, r.shapes, z.detach()), first, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_no_eigenvalue_of_a_hessian_leaves_the_bounds(seed):
    r = regulariser(seed=seed)
    for scale in (0.0, 0.3, 1.0, 3.0):
        eigenvalues = torch.linalg.eigvalsh(hessian(r, scale * picture(seed=seed)))
        assert -r.weak_convexity <= eigenvalues.min() and eigenvalues.max() <= r.largest_curvature


def test_the_bounds_are_reached_by_one_filter_whose_responses_all_bend_the_same():
    """A difference of neighbours on a long row: at rest the Hessian is a membrane's, 4 at its highest frequency."""
    difference = torch.tensor([[[[1.0, -1.0]]]], dtype=torch.float64)
    r = RidgeRegulariser(difference, torch.tensor([[1.0]], dtype=torch.float64), shapes=(1.0,))
    flat = torch.zeros(1, 1, 1, 60, dtype=torch.float64)
    assert r.largest_curvature == pytest.approx(4.0, rel=1e-3)
    assert torch.linalg.eigvalsh(hessian(r, flat)).max().item() == pytest.approx(4.0, rel=2e-3)
    steps = 3**0.5 * torch.arange(60, dtype=torch.float64).view(1, 1, 1, 60)  # all responses where psi'' is -1/8
    assert r.weak_convexity == pytest.approx(4 / 8, rel=1e-3)
    assert torch.linalg.eigvalsh(hessian(r, steps)).min().item() == pytest.approx(-4 / 8, rel=2e-3)


def test_curvatures_are_looked_at_densely():
    weights = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen = curvature_curves(weights, (1.0, 0.1, 0.01))
    z = torch.cat([torch.zeros(1), torch.logspace(-3, 4, 40_000)]).double().expand(20, -1)
    _, fine = RidgeRegulariser(torch.ones(20, 1, 1, 1).double(), weights).slopes_and_curvatures(z[None])
    size = fine[0].abs().max(1).values
    assert ((fine[0].max(1).values - seen.max(1).values) <= 1e-3 * size).all()
    assert ((seen.min(1).values - fine[0].min(1).values) <= 1e-3 * size).all()


def test_alone_as_in_a_batch():
    r, x = regulariser(), picture(3, channels=2)
    whole, step = r.prox(x, 0.5 / r.weak_convexity), 0.5 / r.weak_convexity
    for i in range(3):
        torch.testing.assert_close(r.prox(x[i : i + 1], step), whole[i : i + 1], rtol=0, atol=1e-8)
        torch.testing.assert_close(r(x[i : i + 1]), r(x)[i : i + 1], rtol=1e-12, atol=0)


def test_a_step_of_its_own_for_each_image():
    r, x = regulariser(), picture(2, channels=2)
    steps = torch.tensor([0.2, 0.8], dtype=torch.float64) / r.weak_convexity
    found = r.prox(x, steps)
    for i in range(2):
        torch.testing.assert_close(found[i : i + 1], r.prox(x[i : i + 1], float(steps[i])), rtol=0, atol=1e-8)


def test_a_proximal_step_that_need_not_be_convex_is_refused():
    r = regulariser()
    with pytest.raises(ValueError, match="weak convexity"):
        r.prox(picture(), 1.01 / r.weak_convexity)


test_what_does_not_belong_together_is_refused = refused(
    (torch.ones(2, 3, 3), torch.ones(2, 1), (1.0,), "filters must be"),
    (torch.ones(2, 1, 3, 3), torch.ones(3, 1), (1.0,), "weights must be"),
    (torch.ones(2, 1, 3, 3), torch.ones(2, 1), (0.0,), "shapes must be"),
    by=lambda filters, weights, shapes: RidgeRegulariser(filters, weights, shapes=shapes),
)


def test_a_picture_smaller_than_a_filter_is_refused():
    with pytest.raises(ValueError, match="as large as the filters"):
        regulariser()(torch.zeros(1, 1, 2, 8, dtype=torch.float64))


def test_the_correlation_is_torch_s():
    r, x = regulariser(), picture()
    torch.testing.assert_close(r.responses(x), conv2d(x, r.filters).flatten(2))
    followed = RidgeRegulariser(r.filters.clone().requires_grad_(), r.weights)
    torch.testing.assert_close(followed.responses(x).detach(), r.responses(x))


def mirrored_regulariser():
    r = regulariser()
    return r, RidgeRegulariser(r.filters, r.weights, border="mirror")


def test_with_a_mirror_it_is_the_energy_of_the_continued_picture_and_its_gradient_that_of_autograd():
    r, mirrored = mirrored_regulariser()
    x = picture(2, channels=3).requires_grad_()
    wider = pad(x, (2, 2, 2, 2), mode="reflect")
    torch.testing.assert_close(mirrored(x), r(wider), rtol=1e-12, atol=1e-12)
    (expected,) = torch.autograd.grad(r(wider).sum(), x)
    torch.testing.assert_close(mirrored.gradient(x.detach()), expected, rtol=1e-12, atol=1e-12)
    (by_pass,) = torch.autograd.grad(mirrored(x).sum(), x)
    torch.testing.assert_close(by_pass, expected, rtol=1e-12, atol=1e-12)
    assert mirrored.detached().border == "mirror"


def test_with_a_mirror_the_adjoint_is_that_of_the_responses_and_the_bounds_hold():
    r, mirrored = mirrored_regulariser()
    x = picture(2)
    z = torch.randn(2, 4, 9 * 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close((mirrored.responses(x) * z).sum(), (x * mirrored.adjoint(z, SIZE)).sum())
    one = picture(1, seed=3) / 4
    eigenvalues = torch.linalg.eigvalsh(
        torch.autograd.functional.hessian(lambda v: r(pad(v, (2, 2, 2, 2), mode="reflect")).sum(), one).view(42, 42)
    )
    assert -mirrored.weak_convexity <= eigenvalues.min() and eigenvalues.max() <= mirrored.largest_curvature
    assert mirrored.weak_convexity == 4 * r.weak_convexity


def test_another_border_is_refused():
    r = regulariser()
    with pytest.raises(ValueError, match="border must be one of 'valid', 'mirror'"):
        RidgeRegulariser(r.filters, r.weights, border="wrap")


@pytest.mark.parametrize("border", ["valid", "mirror"])
def test_pictures_of_double_precision_have_the_value_and_the_gradient_of_single_ones(border):
    """A field shipped in float32 is taken to the precision of the picture, where autograd is the judge."""
    r, x = RidgeRegulariser(regulariser().filters.float(), regulariser().weights.float(), border=border), picture()
    torch.testing.assert_close(r(x), r(x.float()).double(), rtol=1e-5, atol=1e-5)
    own = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(r(own).sum(), own)
    assert expected.dtype == torch.float64
    torch.testing.assert_close(r.score(x), -expected, rtol=1e-9, atol=1e-9)
    step = 0.5 / r.weak_convexity
    found = r.prox(x, step, tolerance=1e-8)
    moved = found - x + step * r.gradient(found)
    assert moved.square().mean().sqrt() <= 1e-8


REFUSED = {
    "filters of whole numbers": (lambda f, w: RidgeRegulariser(f.long(), w), "float"),
    "filters of NaN": (lambda f, w: RidgeRegulariser(float("nan") * f, w), "finite"),
    "weights of another precision": (lambda f, w: RidgeRegulariser(f, w.float()), "precision"),
    "shapes as one number": (lambda f, w: RidgeRegulariser(f, w, shapes=1.0), "shapes"),
    "shapes of NaN": (lambda f, w: RidgeRegulariser(f, w, shapes=(1.0, float("nan"), 1.0)), "shapes"),
    "a negative step": (lambda f, w: regulariser().prox(picture(), -1.0), "step"),
    "a step as text": (lambda f, w: regulariser().prox(picture(), "1"), "step"),
    "a picture of three dimensions": (lambda f, w: regulariser().prox(picture()[0], 0.01), "v must"),
    "a picture of bytes": (lambda f, w: regulariser().prox(picture().byte(), 0.01), "v must"),
    "no tolerance": (lambda f, w: regulariser().prox(picture(), 0.01, tolerance=0.0), "tolerance"),
}


test_what_does_not_fit_is_refused_by_name = refused_by_name(REFUSED, regulariser().filters, regulariser().weights)


def test_bounds_see_a_term_that_bends_far_out():
    """psi'' of one term is smallest, -1/8, where shape z^2 = 3."""
    weights = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    for shape in (1e-2, 1e-6):
        r = RidgeRegulariser(torch.ones(1, 1, 1, 1).double(), weights, shapes=(1.0, shape))
        assert r.weak_convexity == pytest.approx(1 / 8, rel=1e-3)


def test_a_mirrored_picture_of_a_filters_size_counts_a_pixel_nine_times():
    """The filter is one pixel of its window: R is -1/2 log(1 + z^2) at every place, and each sees one pixel."""
    centre = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    centre[..., 2, 2] = 1
    r = RidgeRegulariser(centre, -torch.ones(1, 1, dtype=torch.float64), shapes=(1.0,), border="mirror")
    convex = RidgeRegulariser(centre, torch.ones(1, 1, dtype=torch.float64), shapes=(1.0,), border="mirror")
    for size, times in ((5, 9), (6, 4), (11, 4)):
        assert convex.curvature_in((size, size)) == pytest.approx(times, rel=5e-3)  # seen on a grid
        flat = torch.zeros(1, 1, size, size, dtype=torch.float64)
        bend = torch.autograd.functional.hessian(lambda v: r(v).sum(), flat).view(size**2, size**2)
        assert float(torch.linalg.eigvalsh(bend).min()) == pytest.approx(-times)
        assert r.prox(flat, 0.98 / times).shape == flat.shape
        with pytest.raises(ValueError, match="weak convexity"):
            r.prox(flat, 1.02 / times)


@pytest.mark.parametrize("size", [(3, 3), (3, 7), (4, 4)])
def test_no_hessian_of_a_mirrored_picture_exceeds_the_bound_of_its_size(size):
    """Filters that are large in their middle see it three times in each direction, where a picture is as small."""
    filters = regulariser().filters
    filters[:, :, 1, 1] += 3
    r = RidgeRegulariser(filters, torch.ones(4, 1, dtype=torch.float64), shapes=(1.0,), border="mirror")
    flat = torch.zeros(1, 1, *size, dtype=torch.float64)
    bend = torch.autograd.functional.hessian(lambda v: r(v).sum(), flat).view(flat.numel(), -1)
    largest = float(torch.linalg.eigvalsh(bend).max())
    assert largest <= r.curvature_in(size)
    assert size != (3, 3) or largest > r.largest_curvature


def test_the_bounds_of_what_is_learnt_are_numbers_without_a_warning():
    r = regulariser()
    learnt = RidgeRegulariser(r.filters.clone().requires_grad_(), r.weights.clone().requires_grad_())
    assert (learnt.weak_convexity, learnt.largest_curvature) == (r.weak_convexity, r.largest_curvature)
