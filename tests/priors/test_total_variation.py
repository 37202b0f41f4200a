"""Total variation: its value, its gradient, its proximal step, and the conventions of other libraries."""

import cvxpy as cp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deeprestore_lab.operators import Gradient
from deeprestore_lab.priors.total_variation import PixelNorm, TotalVariation, total_variation
from deeprestore_lab.priors.tv_denoise import COLOURS, KINDS, tv_denoise
from refusals import refused

SETTINGS = [(kind, colour) for kind in KINDS for colour in COLOURS]


def image(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def by_hand(x: np.ndarray, kind: str, colour: str) -> float:
    """Pixel by pixel, `(C, H, W)`."""
    channels, height, width = x.shape
    total = 0.0
    for i in range(height):
        for j in range(width):
            down = x[:, i + 1, j] - x[:, i, j] if i + 1 < height else np.zeros(channels)
            right = x[:, i, j + 1] - x[:, i, j] if j + 1 < width else np.zeros(channels)
            if kind == "isotropic":
                total += np.sqrt((down**2 + right**2).sum()) if colour == "joint" else np.hypot(down, right).sum()
            elif colour == "joint":
                total += np.sqrt((down**2).sum()) + np.sqrt((right**2).sum())
            else:
                total += np.abs(down).sum() + np.abs(right).sum()
    return total


def exact(v: np.ndarray, weight: float, kind: str, colour: str, bounds: tuple | None) -> np.ndarray:
    """The denoised image `(C, H, W)` by a conic solver."""
    channels, height, width = v.shape
    x = [cp.Variable((height, width)) for _ in range(channels)]
    down = [cp.vec(cp.vstack([c[1:] - c[:-1], np.zeros((1, width))]), order="C") for c in x]
    right = [cp.vec(cp.hstack([c[:, 1:] - c[:, :-1], np.zeros((height, 1))]), order="C") for c in x]
    if kind == "isotropic":
        groups = [down + right] if colour == "joint" else [[d, r] for d, r in zip(down, right, strict=True)]
    else:
        groups = [down, right] if colour == "joint" else [[d] for d in down + right]
    variation = sum(cp.sum(cp.norm(cp.vstack(group), 2, axis=0)) for group in groups)
    loss = sum(cp.sum_squares(c - plane) for c, plane in zip(x, v, strict=True)) / 2
    limits = [] if bounds is None else [limit for c in x for limit in (c >= bounds[0], c <= bounds[1])]
    cp.Problem(cp.Minimize(loss + weight * variation), limits).solve(solver="CLARABEL")
    return np.stack([c.value for c in x])


@pytest.mark.parametrize(("kind", "colour"), SETTINGS)
def test_value_is_the_sum_pixel_by_pixel(kind, colour):
    x = image(2, 3, 5, 4)
    expected = [by_hand(one.numpy(), kind, colour) for one in x]
    np.testing.assert_allclose(total_variation(x, kind=kind, colour=colour), expected, rtol=1e-12)


@pytest.mark.parametrize(("kind", "colour"), SETTINGS)
def test_smoothed_value_has_the_gradient_of_finite_differences(kind, colour):
    prior = TotalVariation(kind=kind, colour=colour, smoothing=0.05)
    assert prior.smooth and not prior.has_prox
    assert torch.autograd.gradcheck(prior, image(2, 2, 3, 4).requires_grad_())


@pytest.mark.parametrize(("kind", "colour"), SETTINGS)
def test_smoothing_takes_off_at_most_its_size_for_each_norm(kind, colour):
    x = image(2, 3, 5, 4)
    kinked = total_variation(x, kind=kind, colour=colour)
    smoothed = total_variation(x, kind=kind, colour=colour, smoothing=1e-3)
    assert ((smoothed < kinked) & (smoothed > kinked - 1e-3 * 2 * x[0].numel())).all()


@pytest.mark.parametrize(("kind", "colour"), SETTINGS)
def test_gradient_is_a_subgradient_where_pixels_are_equal(kind, colour):
    prior = TotalVariation(kind=kind, colour=colour)
    x = image(1, 3, 6, 6).round().requires_grad_()  # many neighbours are equal
    (g,) = torch.autograd.grad(prior(x).sum(), x)
    assert torch.isfinite(g).all()
    for seed in range(20):
        z = image(1, 3, 6, 6, seed=seed) * 2 - 0.5
        assert prior(z) >= prior(x) + (g * (z - x)).sum() - 1e-10


@pytest.mark.parametrize(("kind", "colour"), SETTINGS)
@pytest.mark.parametrize("bounds", [None, (0.25, 0.6)])
def test_prox_is_that_of_a_conic_solver(kind, colour, bounds):
    v, weights = image(2, 3, 5, 4), torch.tensor([0.05, 0.3], dtype=torch.float64)
    x, info = tv_denoise(v, weights, kind=kind, colour=colour, gap=1e-10, steps=20000, bounds=bounds)
    assert info.converged.all()
    for n, weight in enumerate(weights):
        expected = exact(v[n].numpy(), float(weight), kind, colour, bounds)
        np.testing.assert_allclose(x[n], expected, atol=3e-5)  # the square root of the gap


@given(
    seed=st.integers(0, 10**6),
    weight=st.floats(1e-3, 2.0),
    setting=st.sampled_from(SETTINGS),
    bounds=st.sampled_from([None, (0.3, 0.7)]),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 8), st.integers(1, 8)),
)
def test_gap_bounds_the_distance_to_every_other_image(seed, weight, setting, bounds, shape):
    """E(z) - E(x) >= -gap for every z: the stated gap is a true bound, whatever path led there."""
    kind, colour = setting
    v = image(*shape, seed=seed)
    x, info = tv_denoise(v, weight, kind=kind, colour=colour, gap=1e-6, steps=5000, bounds=bounds)

    def energy(z: torch.Tensor) -> torch.Tensor:
        return (z - v).square().flatten(1).sum(1) / 2 + weight * total_variation(z, kind=kind, colour=colour)

    assert info.converged.all()
    torch.testing.assert_close(info.primal, energy(x), rtol=1e-9, atol=1e-12)
    better, _ = tv_denoise(v, weight, kind=kind, colour=colour, gap=1e-9, steps=20000, bounds=bounds)
    assert (energy(better) >= energy(x) - info.gap * info.primal - 1e-12).all()
    if bounds is not None:
        assert x.min() >= bounds[0] - 1e-12 and x.max() <= bounds[1] + 1e-12


@given(seed=st.integers(0, 10**6), weight=st.floats(1e-3, 1.0), setting=st.sampled_from(SETTINGS))
def test_moreau_identity_the_rest_is_a_dual_variable_of_norm_one(seed, weight, setting):
    """v - prox(v) = weight K*u with u at most 1 in the dual norm, and <K x, u> = TV(x)."""
    kind, colour = setting
    v = image(1, 2, 6, 5, seed=seed)
    x, info = tv_denoise(v, weight, kind=kind, colour=colour, gap=1e-9, steps=20000)
    u = info.dual
    joined = (*((1,) if kind == "isotropic" else ()), *((2,) if colour == "joint" else ()))
    assert (u.norm(dim=joined) if joined else u.abs()).max() <= 1 + 1e-9
    rest = (v - x) / weight
    explained = -(u[:, 0].diff(dim=2, prepend=u[:, 0, :, :1] * 0) + u[:, 1].diff(dim=3, prepend=u[:, 1, ..., :1] * 0))
    torch.testing.assert_close(rest * weight, explained * weight, rtol=0, atol=1e-3)
    np.testing.assert_allclose((explained * x).sum(), total_variation(x, kind=kind, colour=colour)[0], atol=1e-3)


def test_prox_of_step_zero_gives_the_image_back():
    v = image(3, 3, 8, 8, dtype=torch.float32)
    x = TotalVariation().prox(v, torch.tensor([0.0, 0.2, 0.0]))
    assert torch.equal(x[0], v[0]) and torch.equal(x[2], v[2]) and not torch.equal(x[1], v[1])
    assert torch.equal(TotalVariation().prox(v, 0.0), v)


def test_prox_of_a_large_step_is_the_mean_of_each_channel():
    v = image(1, 3, 6, 7)
    x, _ = tv_denoise(v, 20.0, gap=1e-8, steps=20000)
    torch.testing.assert_close(x, v.mean((2, 3), keepdim=True).expand_as(v), rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("kind", "colour"), SETTINGS)
def test_an_image_alone_comes_out_as_in_a_batch(kind, colour, dtype):
    v, weights = image(4, 3, 12, 10, dtype=dtype), torch.tensor([0.01, 0.3, 0.0, 0.1], dtype=dtype)
    together, info = tv_denoise(v, weights, kind=kind, colour=colour)
    for n in range(4):
        alone, own = tv_denoise(v[n : n + 1], weights[n : n + 1], kind=kind, colour=colour)
        assert own.iterations[0] == info.iterations[n]
        torch.testing.assert_close(together[n], alone[0], rtol=1e-10 if dtype == torch.float64 else 1e-5, atol=0)


def test_more_values_than_one_chunk_holds_come_out_the_same(monkeypatch):
    v = image(5, 3, 12, 10)
    whole, _ = tv_denoise(v, 0.1)
    monkeypatch.setattr("deeprestore_lab.priors.tv_denoise.CHUNK", 2 * v[0].numel())
    torch.testing.assert_close(tv_denoise(v, 0.1)[0], whole, rtol=1e-10, atol=0)


def test_a_warm_start_saves_iterations_and_ends_in_the_same_place():
    v = image(2, 3, 24, 24)
    x, cold = tv_denoise(v, 0.2, gap=1e-6, steps=20000)
    again, warm = tv_denoise(v, 0.2, gap=1e-6, steps=20000, dual=cold.dual)
    near, moved = tv_denoise(v, 0.21, gap=1e-6, steps=20000, dual=cold.dual)
    assert (warm.iterations < cold.iterations).all() and (moved.iterations < cold.iterations).all()
    torch.testing.assert_close(again, x, rtol=0, atol=2e-3)
    assert not torch.equal(near, x)


def test_steps_limit_says_that_it_was_met():
    x, info = tv_denoise(image(1, 1, 16, 16), 0.5, gap=1e-12, steps=15)
    assert info.iterations.tolist() == [15] and not info.converged.any() and info.gap > 1e-12
    assert torch.isfinite(x).all()


@pytest.mark.parametrize(("kind", "colour"), SETTINGS)
def test_split_gives_the_prior_back_with_a_proximal_step_in_closed_form(kind, colour):
    prior, x = TotalVariation(kind=kind, colour=colour), image(2, 3, 5, 4)
    operator, norm = prior.split()
    torch.testing.assert_close(norm.value(operator.apply(x)), prior(x))
    d, step = operator.apply(x), torch.tensor([0.1, 0.4], dtype=torch.float64)
    p = norm.prox(d, step).requires_grad_()
    (g,) = torch.autograd.grad(norm.value(p).sum(), p)  # optimality: (d - p) / step is a subgradient at p
    rest = (d - p.detach()) / step.reshape(-1, 1, 1, 1, 1)
    moved = p.detach() != 0
    torch.testing.assert_close(rest[moved], g[moved])
    joined = (*((1,) if colour == "joint" else ()), *((2,) if kind == "isotropic" else ()))
    assert (rest.norm(dim=joined) if joined else rest.abs()).max() <= 1 + 1e-9


def test_scikit_image_solves_the_same_problem_for_the_same_weight():
    from skimage.restoration import denoise_tv_chambolle

    v = image(1, 3, 16, 16)
    theirs = denoise_tv_chambolle(v[0].numpy(), weight=0.15, eps=1e-12, max_num_iter=20000, channel_axis=0)
    ours, _ = tv_denoise(v, 0.15, colour="channel", gap=1e-9, steps=20000)
    np.testing.assert_allclose(ours[0], theirs, atol=1e-3)


def test_torchmetrics_sums_the_anisotropic_one_over_channels():
    from torchmetrics.functional.image import total_variation as theirs

    x = image(3, 3, 9, 7, dtype=torch.float32)
    ours = total_variation(x, kind="anisotropic", colour="channel")
    torch.testing.assert_close(ours, theirs(x, reduction="none"))


def test_deepinv_means_the_isotropic_one_per_channel_and_the_same_weight():
    deepinv = pytest.importorskip("deepinv")

    x = image(2, 3, 16, 16, dtype=torch.float32)
    torch.testing.assert_close(deepinv.optim.prior.TVPrior()(x), total_variation(x, colour="channel"))
    theirs = deepinv.models.TVDenoiser(tau=0.1, crit=1e-8, n_it_max=5000)(x, 0.1)
    ours, _ = tv_denoise(x, 0.1, colour="channel", gap=2e-5)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-2)


def test_smoothed_prior_says_that_it_has_no_proximal_step():
    x = image(1, 1, 4, 4)
    with pytest.raises(NotImplementedError, match="smooth"):
        TotalVariation(smoothing=0.1).prox(x, 0.1)
    with pytest.raises(NotImplementedError, match="smooth"):
        PixelNorm(smoothing=0.1).prox(x, 0.1)


test_bad_arguments_are_named = refused(
    ({"kind": "round"}, "kind"),
    ({"colour": "grey"}, "colour"),
    ({"gap": 0.0}, "gap"),
    ({"steps": "a"}, "steps"),
    ({"steps": 0}, "steps"),
    ({"weight": -1.0}, "weight"),
    ({"weight": torch.tensor([0.1, 0.2, 0.3])}, "one per image"),
    ({"dual": torch.zeros(2, 1, 4, 4)}, "dual"),
    ({"bounds": (1.0, 0.0)}, "bounds"),
    by=lambda settings: tv_denoise(image(2, 1, 4, 4), **({"weight": 0.1} | settings)),
)


@pytest.mark.parametrize("settings", [{"gap": 0.0}, {"gap": "a"}, {"gap": float("nan")}, {"gap": torch.ones(2)}])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_prior_refuses_a_gap_before_it_is_used(settings, smoothing):
    with pytest.raises(ValueError, match="gap must be"):
        TotalVariation(smoothing=smoothing, **settings)


@pytest.mark.parametrize("steps", ["a", 0, -1, 2.5, True, None])
def test_the_prior_refuses_steps_before_they_are_used(steps):
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1"):
        TotalVariation(steps=steps)


def test_rounding_does_not_lead_out_of_the_bounds():
    """Images are divided by their weight inside, and their bounds with them: 0.7 / w * w may lie above 0.7."""
    weights = torch.linspace(0.05, 0.9, 300)
    bound = torch.tensor(0.7)
    assert ((bound / weights) * weights > bound).any()
    x, _ = tv_denoise(torch.ones(300, 1, 2, 2), weights, bounds=(0.0, 0.7))
    assert (x <= bound).all() and torch.allclose(x, bound)


@pytest.mark.parametrize("bounds", [None, (0.35, 0.6)])
@pytest.mark.parametrize(("kind", "colour"), SETTINGS)
def test_the_gap_is_the_primal_less_the_dual_value(kind, colour, bounds):
    """The dual value, min over x of 1/2 ||x - v||^2 + w <K x, u>, by hand at u: the best x is a clipped v - w K*u."""
    v, weight = image(2, 2, 6, 5), torch.tensor([0.1, 0.3], dtype=torch.float64)
    x, info = tv_denoise(v, weight, kind=kind, colour=colour, bounds=bounds, steps=10, gap=1e-12)
    assert not info.converged.any()
    w, u = weight.reshape(-1, 1, 1, 1), info.dual.transpose(1, 2)  # (N, C, 2, H, W)
    best = v - w * Gradient().adjoint(u)
    best = best if bounds is None else best.clamp(*bounds)
    dual = (best - v).square().flatten(1).sum(1) / 2 + weight * (Gradient()(best) * u).flatten(1).sum(1)
    primal = (x - v).square().flatten(1).sum(1) / 2 + weight * total_variation(x, kind=kind, colour=colour)
    torch.testing.assert_close(info.primal, primal)
    torch.testing.assert_close(info.gap * info.primal, primal - dual)


@pytest.mark.parametrize("weight", [0.0, torch.tensor([0.0, 0.2], dtype=torch.float64)])
def test_weight_zero_within_bounds_is_the_projection(weight):
    v = 2 * image(2, 1, 4, 5) - 0.5
    x, info = tv_denoise(v, weight, bounds=(0.0, 1.0))
    assert (v < 0).any() and (v > 1).any()
    torch.testing.assert_close(x[0], v[0].clamp(0, 1), rtol=0, atol=0)
    assert x.min() >= 0 and x.max() <= 1 and info.converged.all()
