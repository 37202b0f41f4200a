"""The contract of minimise, for every solver: batch and alone, choice, stopping, traces, errors."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from deeprestore_lab import minimise
from deeprestore_lab.energies import Energy, GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood
from deeprestore_lab.operators import Blur, Identity, Mask
from deeprestore_lab.parametrisations import Dictionary, Fourier, Parametrisation, Pixels
from deeprestore_lab.priors import Prior, Tikhonov, TotalVariation
from deeprestore_lab.solve import NonFiniteError
from refusals import refused

POWERS = [factor * 2**k for k in range(12) for factor in (1, 3)]  # the steps of which snapshots are kept


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


MASK = (images(1, 1, 8, 8, seed=9) > 0.3).double()
BLUR = Blur(torch.ones(3, 3, dtype=torch.float64) / 9)

# solver -> settings under which it converges well, and the terms, given y and the weights
PROBLEMS = {
    "closed_form": ({}, lambda y, w: GaussianLikelihood(BLUR, y, sigma=0.1) + w * Tikhonov("gradient")),
    "closed_form cg": (
        {"solver": "closed_form", "tolerance": 1e-13},
        lambda y, w: GaussianLikelihood(Mask(MASK) @ BLUR, y, sigma=0.1) + w * Tikhonov("identity"),
    ),
    "proximal": (
        {"tolerance": 1e-9, "steps": 3000},
        lambda y, w: GaussianLikelihood(Mask(MASK), y, sigma=0.1) + w * Tikhonov("identity") + 2.0 * TotalVariation(),
    ),
    "proximal bounds": (
        {"solver": "proximal", "bounds": (0.2, 0.8)},
        lambda y, w: GaussianLikelihood(Identity(), y, sigma=0.1) + w * TotalVariation(gap=1e-12),
    ),
    "proximal dictionary": (
        {"solver": "proximal", "tolerance": 1e-9, "dictionary": True},
        lambda y, w: GaussianLikelihood(Mask(MASK), y, sigma=0.1) + (10 + w) * Tikhonov("identity"),
    ),
    "admm": (
        {"tolerance": 1e-9, "steps": 3000},
        lambda y, w: LaplaceLikelihood(Identity(), y, scale=0.1) + w * TotalVariation() + Tikhonov("identity"),
    ),
    "lbfgs": (
        {"tolerance": 1e-10},
        lambda y, w: GaussianLikelihood(BLUR, y, sigma=0.1) + Tikhonov("identity") + w * TotalVariation(smoothing=0.2),
    ),
    "lbfgs bounds": (
        {"solver": "lbfgs", "tolerance": 1e-9, "bounds": (0.2, 0.8)},
        lambda y, w: GaussianLikelihood(Identity(), y, sigma=0.1) + w * TotalVariation(smoothing=0.2),
    ),
    "admm quadratic": (
        {"solver": "admm", "tolerance": 1e-13},
        lambda y, w: GaussianLikelihood(Mask(MASK) @ BLUR, y, sigma=0.1) + w * Tikhonov("identity"),
    ),
    "proximal quadratic": (
        {"solver": "proximal", "tolerance": 1e-11, "steps": 3000},
        lambda y, w: GaussianLikelihood(BLUR, y, sigma=0.1) + (2 + w) * Tikhonov("identity"),
    ),
    "lbfgs quadratic": (
        {"solver": "lbfgs", "tolerance": 1e-10},
        lambda y, w: GaussianLikelihood(BLUR, y, sigma=0.1) + w * Tikhonov("identity"),
    ),
    "adam quadratic": (
        {"solver": "adam", "steps": 150, "lr": 0.02},
        lambda y, w: GaussianLikelihood(BLUR, y, sigma=0.1) + w * Tikhonov("identity"),
    ),
    "prior alone": (
        {"solver": "proximal", "tolerance": 1e-6},
        lambda y, w: w * TotalVariation(),
    ),
    "adam": (
        {"steps": 150, "lr": 0.02},
        lambda y, w: GaussianLikelihood(BLUR, y, sigma=0.1) + w * TotalVariation(smoothing=0.2),
    ),
}


def solve(name: str, y: torch.Tensor, weights: torch.Tensor | float, **more):
    options, terms = PROBLEMS[name]
    options = {"solver": name, "progress": False, **options, **more}
    bounds, dictionary = options.pop("bounds", None), options.pop("dictionary", False)
    g = Dictionary(y, weight=0.5) if dictionary else Pixels(y, bounds=bounds)
    return minimise(terms(y, weights), g, **options)


@pytest.mark.parametrize("name", PROBLEMS)
def test_an_image_alone_gives_the_same_result_as_in_a_batch(name):
    y = images(3, 1, 8, 8)
    weights = torch.tensor([0.3, 3.0, 12.0], dtype=torch.float64)
    batch = solve(name, y, weights)
    for i in range(3):
        alone = solve(name, y[i : i + 1], weights[i].item())
        torch.testing.assert_close(batch.x[i : i + 1], alone.x, rtol=0, atol=1e-8)
        torch.testing.assert_close(batch.energy[-1, i], alone.energy[-1, 0], rtol=1e-9, atol=0)
        assert batch.stopped_by[i] == alone.stopped_by[0]


@pytest.mark.parametrize("name", PROBLEMS)
@settings(max_examples=4, deadline=None)
@given(order=st.permutations(range(3)), seed=st.integers(0, 10**6))
def test_the_order_in_the_batch_does_not_matter(name, order, seed):
    y, weights = images(3, 1, 8, 8, seed=seed), torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64)
    order = list(order)
    steps = {"steps": 12}  # before convergence too
    first, second = solve(name, y, weights, **steps), solve(name, y[order], weights[order], **steps)
    torch.testing.assert_close(second.x, first.x[order], rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_trace_says_what_happened(name):
    y = images(2, 1, 8, 8)
    kept, weights = y.clone(), torch.tensor([0.5, 4.0], dtype=torch.float64)
    options, terms = PROBLEMS[name]
    reference = images(2, 1, 8, 8, seed=5)
    trace = solve(name, y, weights, reference=reference)
    assert torch.equal(y, kept), "the measurement was modified"
    assert trace.solver == options.get("solver", name)
    rows = len(trace.seconds)
    assert trace.energy.shape == (rows, 2) and trace.psnr.shape == (rows, 2) and trace.steps.max() == rows - 1
    torch.testing.assert_close(sum(trace.terms.values()), trace.energy)
    expected = terms(y, weights).terms(trace.x)
    for key, value in expected.items():
        torch.testing.assert_close(trace.terms[key][-1], value, rtol=1e-9, atol=1e-12)
    assert set(trace.terms) == set(expected) | ({"penalty"} if options.get("dictionary") else set())
    assert (trace.energy[-1] <= trace.energy[0]).all()
    assert set(trace.snapshots) == ({0, *POWERS} & set(range(rows))) | {rows - 1}
    torch.testing.assert_close(trace.snapshots[rows - 1], trace.x)
    error = ((trace.x - reference) ** 2).flatten(1).mean(1).numpy()
    np.testing.assert_allclose(trace.psnr[-1], -10 * np.log10(error), rtol=1e-9)
    assert (trace.seconds.diff() >= 0).all()


@pytest.mark.parametrize("name", ["lbfgs", "proximal", "adam", "admm"])
def test_an_image_that_has_stopped_does_not_change(name):
    y, weights = images(2, 1, 8, 8), torch.tensor([0.1, 20.0], dtype=torch.float64)
    seen = []
    tolerance = {"lbfgs": 1e-4, "proximal": 1e-3, "adam": 1e-4, "admm": 1e-2}[name]
    trace = solve(name, y, weights, tolerance=tolerance, steps=400, callback=lambda step, x: seen.append(x))
    first, last = trace.steps.min().item(), trace.steps.max().item()
    image = int(trace.steps.argmin())
    assert first < last and trace.stopped_by[image] == "tolerance"
    for x in seen[first:]:
        assert torch.equal(x[image], trace.x[image])
    assert not torch.equal(seen[first][1 - image], trace.x[1 - image])
    assert (trace.energy[first:, image] == trace.energy[-1, image]).all()


class Shared(Parametrisation):
    """Images that are all one parameter times fixed patterns."""

    shared = True

    def __init__(self, n: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.register_buffer("z", images(n, 1, 4, 4))

    def forward(self) -> torch.Tensor:
        return self.scale * self.z

    def perturbed(self, sigma: float, *, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn(self.z.shape, generator=generator, dtype=self.z.dtype)
        return self.scale * (self.z + sigma * noise)


def data(y: torch.Tensor) -> GaussianLikelihood:
    return GaussianLikelihood(Identity(), y, sigma=0.1)


def test_shared_parameters_go_to_adam_and_fit_the_batch_together():
    y = 3 * Shared(2).z
    g = Shared(2)
    trace = minimise(data(y) + 0.0 * Tikhonov("identity"), g, steps=400, lr=lambda step: 0.1 * 0.98**step)
    assert trace.solver == "adam" and trace.steps.tolist() == [400, 400]
    assert g.scale.item() == pytest.approx(3, rel=1e-3)


@pytest.mark.parametrize(
    ("energy", "g", "expected"),
    [
        (lambda y: data(y) + Tikhonov("gradient"), Pixels, "closed_form"),
        (lambda y: data(y) + Tikhonov("gradient"), lambda y: Pixels(y, bounds=(0, 1)), "lbfgs"),
        (lambda y: data(y) + TotalVariation(), Pixels, "proximal"),
        (lambda y: data(y) + TotalVariation(smoothing=0.1), Pixels, "lbfgs"),
        (lambda y: data(y) + TotalVariation(smoothing=0.1), Fourier, "lbfgs"),
        (lambda y: LaplaceLikelihood(Identity(), y, scale=0.1) + TotalVariation(), Pixels, "admm"),
        (lambda y: LaplaceLikelihood(BLUR, y, scale=0.1), Pixels, "admm"),
        (data, lambda y: Dictionary(y, weight=1.0), "proximal"),
        (lambda y: data(y) + TotalVariation(), lambda y: Dictionary(y, weight=1.0), "adam"),
        (lambda y: data(y) + TotalVariation(), Fourier, "adam"),
    ],
)
def test_the_solver_chosen(energy, g, expected):
    y = images(1, 1, 8, 8)
    assert minimise(energy(y), g(y), steps=2).solver == expected


class Score(Energy):
    """A denoiser's score: a direction without a value."""


class Broken(Energy):
    """Becomes infinite as soon as x moves."""

    def __init__(self, x0: torch.Tensor) -> None:
        self.x0 = x0

    def value(self, x: torch.Tensor) -> torch.Tensor:
        far = (x - self.x0).flatten(1).norm(dim=1)
        return torch.where(far > 0.5, torch.inf, x.flatten(1).sum(1))


Y = images(2, 1, 8, 8)


test_what_cannot_be_done_is_refused_with_a_reason = refused(
    (lambda: minimise(data(Y) + TotalVariation(), Y, solver="lbfgs"), "total variation has kinks; smooth it"),
    (lambda: minimise(data(Y), Y, solver="lbfgs", jitter=1), "only Adam bears that.*adam"),
    (lambda: minimise(data(Y) + TotalVariation(smoothing=0.1), Y, solver="closed_form"), "not quadratic"),
    (lambda: minimise(data(Y), Pixels(Y, bounds=(0, 1)), solver="closed_form"), "bounds"),
    (lambda: minimise(data(Y), Dictionary(Y, weight=1.0), solver="closed_form"), "penalty"),
    (lambda: minimise(data(Y) + TotalVariation(), Fourier(Y), solver="proximal"), "not pixels"),
    (lambda: minimise(data(Y) + TotalVariation(), Fourier(Y), solver="admm"), "not pixels"),
    (
        lambda: minimise(LaplaceLikelihood(Identity(), Y, scale=0.1) + TotalVariation(), Y, solver="proximal"),
        "here are 2: laplace likelihood, total variation; use ADMM",
    ),
    (lambda: minimise(LaplaceLikelihood(BLUR, Y, scale=0.1), Y, solver="proximal"), "no proximal step"),
    (lambda: minimise(data(Y) + Broken(Y), Y, solver="admm"), "broken is neither quadratic nor split"),
    (lambda: minimise(data(Shared(2).z), Shared(2), solver="lbfgs"), "share their parameters"),
    (lambda: minimise(torch.ones(2) * data(Shared(2).z), Shared(2)), "one weight per image"),
    (lambda: minimise(torch.ones(3) * data(Y), Y), "3 weights for a batch of 2"),
    (lambda: minimise(data(Y) + Score(), Y), "score has no value"),
    (lambda: minimise(data(Y) + Score() @ Identity(), Y), "no value"),
    (lambda: minimise(lambda x: x.sum(), Y), "must be an Energy"),
    (lambda: minimise(data(Y), "pixels"), "parametrisation must be"),
    (lambda: minimise(data(Y), Y, solver="sgd"), "solver must be one of"),
    (lambda: minimise(data(Y), Y, steps=-1), "steps"),
    (lambda: minimise(data(Y), Y, steps=1.5), "steps"),
    (lambda: minimise(data(Y), Y, tolerance=float("nan")), "tolerance"),
    (lambda: minimise(data(Y), Y, solver="lbfgs", lr=0.1), "Adam's step size"),
    (lambda: minimise(data(Y), Y, solver="adam", lr=0.0), "lr must be"),
    (lambda: minimise(data(Y), Y, solver="adam", jitter=0.5), "jitter"),
    (lambda: minimise(data(Y), Y, solver="adam", input_noise=-1.0), "input_noise must be"),
    (lambda: minimise(data(Y), Y, solver="adam", input_noise=0.1), "Pixels has none"),
    (lambda: minimise(data(Y), Y, seed="one"), "seed"),
    (lambda: minimise(data(Y), Y, reference=Y[:, :, :4]), "reference has shape"),
    (lambda: minimise(data(Y), Y[:, :, :4]), "measurement y has shape"),
)


def test_values_that_are_not_finite_stop_the_run_and_lose_nothing():
    y = images(2, 1, 8, 8)
    weights = torch.tensor([0.0, 0.0], dtype=torch.float64)
    seen = []
    with pytest.raises(NonFiniteError, match=r"'broken' is inf for image 0 at step \d+ of adam") as caught:
        energy = Broken(y) + weights * data(y)
        minimise(energy, y, solver="adam", lr=0.03, steps=100, callback=lambda step, x: seen.append(x))
    trace = caught.value.trace
    assert torch.isfinite(trace.energy).all() and len(trace.energy) == len(seen) > 1
    torch.testing.assert_close(trace.x, seen[-1])


class Penalty(Prior):
    """A term whose name is that of the parametrisation's penalty."""

    def value(self, x):
        return x.square().flatten(1).sum(1) / 2


class KinkedPenalty(Energy):
    smooth, name = False, "penalty"

    def value(self, x):
        return x.abs().flatten(1).sum(1)


@pytest.mark.parametrize("solver", ["adam", "proximal", "lbfgs"])
def test_a_term_called_penalty_is_not_that_of_the_parametrisation(solver):
    y = torch.full((1, 1, 8, 8), 0.8, dtype=torch.float64)
    energy = GaussianLikelihood(Identity(), y, sigma=1.0) + 1e3 * Penalty()
    g = Fourier(y) if solver == "lbfgs" else Dictionary(y, weight=1e-6)
    options = {"steps": 600, "lr": 0.05} if solver == "adam" else {"steps": 200}
    trace = minimise(energy, g, solver=solver, progress=False, **options)
    torch.testing.assert_close(trace.x, y / 1001, rtol=0, atol=5e-3 if solver == "adam" else 2e-4)  # without: 0.8
    names = ["gaussian likelihood", "penalty"] if solver == "lbfgs" else ["gaussian likelihood", "penalty 2", "penalty"]
    assert list(trace.terms) == names and trace.terms[names[1]][0] > 1e3
    with pytest.raises(ValueError, match="penalty has no proximal step"):
        minimise(GaussianLikelihood(Identity(), y, sigma=1.0) + KinkedPenalty(), y, solver="proximal")


def test_a_start_that_is_not_finite_says_so():
    y = images(1, 1, 4, 4)
    with pytest.raises(NonFiniteError, match="'poisson likelihood' is inf for image 0 at step 0") as caught:
        minimise(PoissonLikelihood(Identity(), y, peak=10.0), torch.zeros_like(y), solver="lbfgs")
    assert caught.value.trace is None


class RootAtZero(Energy):
    """Finite where its gradient is not."""

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).sqrt().sum(1)


def test_a_gradient_that_is_not_finite_says_so():
    with pytest.raises(ValueError, match="gradient at the start is not finite for image 1"):
        x0 = torch.ones(2, 1, 2, 2)
        x0[1] = 0
        minimise(RootAtZero(), x0, solver="lbfgs")


def test_a_callback_sees_every_step_and_can_stop():
    steps = []

    def callback(step: int, x: torch.Tensor) -> bool:
        steps.append(step)
        x.zero_()  # its own copy
        return step == 5

    trace = minimise(data(Y) + TotalVariation(smoothing=0.1), Y, solver="adam", callback=callback)
    assert steps == [0, 1, 2, 3, 4, 5]
    assert trace.stopped_by == ["callback", "callback"] and not trace.converged.any()
    assert trace.x.abs().sum() > 0 and len(trace.energy) == 6


def test_no_steps_give_the_start():
    trace = minimise(data(Y) + TotalVariation(), Y, steps=0, snapshots=False)
    assert torch.equal(trace.x, Y) and trace.energy.shape == (1, 2) and trace.snapshots == {}
    assert trace.stopped_by == ["steps", "steps"] and trace.psnr is None


def test_the_parametrisation_ends_with_the_solution():
    g = Pixels(Y)
    trace = minimise(data(Y) + TotalVariation(), g)
    assert torch.equal(g.theta.detach(), trace.x) and not torch.equal(trace.x, Y)
    g.theta.data.zero_()
    assert trace.x.abs().sum() > 0 and trace.snapshots[0].abs().sum() > 0


@pytest.mark.parametrize("options", [{"jitter": 2}, {"input_noise": 0.1, "shared": True}])
def test_the_seed_decides_the_random_perturbation(options):
    options = dict(options)
    shared = options.pop("shared", False)

    def run(seed: int) -> torch.Tensor:
        target = 2 * Shared(2).z if shared else Y
        g = Shared(2) if shared else torch.zeros_like(Y)
        return minimise(data(target) + Tikhonov("gradient"), g, steps=8, seed=seed, **options).x

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


def test_jitter_moves_what_the_energy_sees_by_whole_pixels():
    seen = []

    class Watch(Energy):
        def value(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.detach().clone())
            return x.flatten(1).square().sum(1)

    trace = minimise(Watch(), Y, solver="adam", jitter=1, seed=0, steps=150, lr=1e-9)
    shifts = {
        (i, j)
        for x in seen
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if torch.allclose(x, Y.roll((i, j), (-2, -1)), atol=1e-6)
    }
    assert len(shifts) == 9 and len(seen) == 151
    torch.testing.assert_close(trace.x, Y, atol=1e-6, rtol=0)


def test_few_steps_cost_few_evaluations():
    calls = []

    class Counted(TotalVariation):
        def value(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(1)
            return super().value(x)

    minimise(data(Y) + Counted(), Y)
    assert len(calls) == 2  # the start and the end: one proximal step is the solution


class Empty(Parametrisation):
    """Nothing to search over."""

    def forward(self) -> torch.Tensor:
        return Y


def test_a_parametrisation_must_hold_one_theta_per_image_or_say_it_is_shared():
    with pytest.raises(ValueError, match="no parameters"):
        minimise(data(Y), Empty())
    g = Shared(2)
    g.shared = False
    with pytest.raises(ValueError, match="one parameter theta of batch 2"):
        minimise(data(g.z), g)
    g = Empty()
    g.theta = torch.nn.Parameter(torch.tensor(0.0))
    with pytest.raises(ValueError, match="one parameter theta of batch 2"):
        minimise(data(Y), g)


@pytest.mark.parametrize("answer", [True, np.bool_(True), torch.tensor(True), torch.tensor([True])])
def test_a_callback_stops_with_any_true(answer):
    trace = minimise(data(Y), Y, solver="adam", callback=lambda step, x: answer)
    assert trace.stopped_by == ["callback", "callback"] and len(trace.energy) == 1


@pytest.mark.parametrize("answer", [None, 1, torch.ones(3), "yes", torch.tensor(1.0), False])
def test_what_a_callback_gives_by_the_way_does_not_stop_it(answer):
    trace = minimise(data(Y), Y, solver="adam", steps=3, callback=lambda step, x: answer)
    assert trace.stopped_by == ["steps", "steps"]


def test_an_image_that_no_term_speaks_of_gets_the_smallest_norm():
    trace = minimise(torch.tensor([0.0, 1.0]) * data(Y), Y)
    assert trace.solver == "closed_form" and trace.x[0].abs().max() == 0
    torch.testing.assert_close(trace.x[1], Y[1])


@pytest.mark.parametrize("solver", ["closed_form", "proximal"])
def test_a_measurement_of_another_batch_is_refused(solver):
    energy = GaussianLikelihood(Identity(), torch.cat([Y, Y]), sigma=0.1)
    with pytest.raises(ValueError, match="of 4 images does not fit a batch of 2|has shape .4, 1, 8, 8."):
        minimise(energy, Y, solver=solver)


def test_a_smoothed_total_variation_has_no_proximal_step_for_admm():
    with pytest.raises(ValueError, match="total variation is neither quadratic nor split"):
        minimise(LaplaceLikelihood(Identity(), Y, scale=0.1) + TotalVariation(smoothing=0.1), Y, solver="admm")
