"""Searches over codes, and over images and codes: against SciPy's bounded least squares, alone and in a batch."""

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.networks import BoundedAutoEncoder
from deeprestore_lab.operators import Identity, Mask
from deeprestore_lab.parametrisations import ImageAndLatent, Latent
from refusals import refused

SHAPE, D, SIGMA = (1, 3, 4), 3, 0.3
SOLVERS = {
    "lbfgs": {"tolerance": 1e-10, "steps": 2000},
    "proximal": {"tolerance": 1e-10, "steps": 5000},
    "adam": {"tolerance": 0, "steps": 1500, "lr": lambda step: 0.02 * 0.995**step},
}


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


MASK = (rand(1, *SHAPE, seed=5) > 0.3).double()


class Affine(torch.nn.Module):
    """u -> W u + b."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(D, 12).double()
        with torch.no_grad():
            self.layer.weight.copy_(rand(12, D, seed=1) - 0.3)
            self.layer.bias.copy_(0.2 * rand(12, seed=2))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        return self.layer(u).unflatten(1, SHAPE)


def data(count: int = 3) -> torch.Tensor:
    return 1.5 * rand(count, *SHAPE, seed=3) - 0.3


def likelihood(y: torch.Tensor) -> GaussianLikelihood:
    return GaussianLikelihood(Mask(MASK), Mask(MASK)(y), sigma=SIGMA)


@pytest.mark.parametrize("solver", SOLVERS)
def test_codes_of_an_affine_decoder_solve_a_bounded_least_squares_problem(solver):
    decoder, y = Affine(), data()
    g = Latent(decoder, torch.full((3, D), 0.5, dtype=torch.float64))
    minimise(likelihood(y), g, solver=solver, progress=False, **SOLVERS[solver])
    seen = MASK.flatten().bool().numpy()
    W, b = decoder.layer.weight.detach().numpy()[seen], decoder.layer.bias.detach().numpy()[seen]
    at_bounds = 0
    for own, u in zip(y.flatten(1).numpy(), g.theta.detach().numpy(), strict=True):
        best = lsq_linear(W, own[seen] - b, bounds=(0, 1), tol=1e-14)
        at_bounds += int(np.sum(best.active_mask != 0))
        np.testing.assert_allclose(u, best.x, atol=1e-5)
    assert 0 < at_bounds < 3 * D  # both kinds are met


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("bounds", [None, (0.2, 0.6)])
def test_images_and_codes_of_an_affine_decoder_solve_one_too(solver, bounds):
    decoder, y, T = Affine(), data(), torch.tensor([0.02, 0.1, 0.5], dtype=torch.float64)
    if solver == "adam":
        T = 10 * T  # where T is small, x and D(u) move together only and Adam creeps
    start = torch.full((3, D), 0.5, dtype=torch.float64)
    g = ImageAndLatent(decoder, y, start, temperature=T, squared=True, bounds=bounds)
    trace = minimise(likelihood(y), g, solver=solver, progress=False, **SOLVERS[solver])
    W, b = decoder.layer.weight.detach().numpy(), decoder.layer.bias.detach().numpy()
    A = np.diag(MASK.flatten().numpy()) / SIGMA
    low, high = bounds or (-np.inf, np.inf)
    ends = np.r_[np.full(12, low), np.zeros(D)], np.r_[np.full(12, high), np.ones(D)]
    for i in range(3):
        root = (2 / T[i].item()) ** 0.5
        matrix = np.block([[A, np.zeros((12, D))], [root * np.eye(12), -root * W]])
        best = lsq_linear(matrix, np.r_[A @ y[i].flatten().numpy(), root * b], bounds=ends, tol=1e-14)
        np.testing.assert_allclose(g.theta[i].detach(), best.x, atol=1e-3 if solver == "adam" else 2e-5)
        np.testing.assert_allclose(trace.energy[-1, i], best.cost, rtol=1e-4 if solver == "adam" else 1e-6)
    assert torch.equal(trace.x, g().detach()) and set(trace.terms) == {"gaussian likelihood", "penalty"}


def bounded() -> BoundedAutoEncoder:
    model = BoundedAutoEncoder(latent=D, widths=(8,), shape=SHAPE, seed=2).double().initialise(rand(30, *SHAPE))
    with torch.no_grad():
        model.decoder[-1].weight.mul_(30)
    return model.requires_grad_(False)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("squared", [None, False, True])
def test_an_image_alone_gives_the_same_result_as_in_a_batch(solver, squared):
    model, y = bounded(), data()
    steps = {**SOLVERS[solver], "steps": 40}

    def solve(y: torch.Tensor, start: torch.Tensor, T: torch.Tensor):
        if squared is None:
            g = Latent(model.decode, start)
        else:
            g = ImageAndLatent(model.decode, y, start, temperature=T, squared=squared)
        return minimise(likelihood(y), g, solver=solver, progress=False, **steps), g.theta.detach()

    start, T = rand(3, D, seed=8), torch.tensor([0.05, 0.2, 1.0], dtype=torch.float64)
    batch, theta = solve(y, start, T)
    order = [2, 0, 1]
    torch.testing.assert_close(solve(y[order], start[order], T[order])[1], theta[order], rtol=0, atol=1e-8)
    assert batch.steps.min() > 1 and (batch.energy[-1] < batch.energy[0]).all()
    for i in range(3):
        alone, own = solve(y[i : i + 1], start[i : i + 1], T[i : i + 1])
        torch.testing.assert_close(own, theta[i : i + 1], rtol=0, atol=1e-8)
        assert alone.stopped_by[0] == batch.stopped_by[i]


def test_the_unsquared_price_keeps_the_image_on_the_range_once_it_is_high_enough():
    """Where 1 / T is above the slope of the likelihood, leaving the decoder's range costs more than it gains."""
    decoder, y = Affine(), data(1).clamp(0, 1)
    start = torch.full((1, D), 0.5, dtype=torch.float64)
    latent = Latent(decoder, start)
    minimise(likelihood(y), latent, tolerance=1e-10, progress=False)
    off = {}
    for T in (0.01, 10.0):
        g = ImageAndLatent(decoder, y, start, temperature=T, smoothing=1e-4)
        minimise(likelihood(y), g, steps=3000, tolerance=1e-9, progress=False)
        off[T] = (g() - latent()).detach().norm().item()
    assert off[0.01] < 1e-3 and off[10.0] > 0.1


def test_the_penalty_is_the_distance_over_the_temperature():
    decoder, x, u, T = Affine(), rand(3, *SHAPE), rand(3, D), torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
    away = np.linalg.norm((x - decoder(u)).detach().numpy().reshape(3, -1), axis=1)
    sharp = ImageAndLatent(decoder, x, u, temperature=T, smoothing=1e-9).penalty().detach()
    smooth = ImageAndLatent(decoder, x, u, temperature=T, smoothing=0.3).penalty().detach()
    square = ImageAndLatent(decoder, x, u, temperature=T, squared=True).penalty().detach()
    np.testing.assert_allclose(sharp, away / T.numpy(), rtol=1e-7)
    np.testing.assert_allclose(smooth, (np.sqrt(away**2 + 0.09) - 0.3) / T.numpy(), rtol=1e-12)
    np.testing.assert_allclose(square, away**2 / T.numpy(), rtol=1e-12)


def test_starts_are_copied_and_held_and_the_decoder_stays():
    decoder, x0, u0 = Affine(), data(2), 3 * rand(2, D) - 1
    kept = x0.clone(), u0.clone(), decoder.layer.weight.clone()
    latent, joint = Latent(decoder, u0), ImageAndLatent(decoder, x0, u0, temperature=0.1, code_bounds=(0.4, 0.5))
    torch.testing.assert_close(latent.theta, u0.clamp(0, 1))
    torch.testing.assert_close(joint(), x0.clamp(0, 1))
    torch.testing.assert_close(joint.codes, u0.clamp(0.4, 0.5))
    free = ImageAndLatent(decoder, x0, u0, temperature=0.1, bounds=None, code_bounds=None)
    assert free.bounds is None and torch.equal(free.codes, u0) and torch.equal(free(), x0)
    assert torch.equal(Latent(decoder, u0, bounds=None).theta, u0)
    for g in (latent, joint):
        assert [name for name, _ in g.named_parameters()] == ["theta"]
        minimise(GaussianLikelihood(Identity(), x0, sigma=0.1), g, steps=5, progress=False)
    assert all(map(torch.equal, kept, (x0, u0, decoder.layer.weight)))
    assert latent.penalty().tolist() == [0, 0]


def test_a_checkpoint_of_another_decoder_is_refused(tmp_path):
    y, start = data(1), torch.full((1, D), 0.5, dtype=torch.float64)
    one, two = bounded(), bounded()
    with torch.no_grad():
        two.decoder[-1].bias.add_(0.1)
    path = tmp_path / "run.safetensors"
    settings = {"progress": False, "steps": 3, "checkpoint": path}
    first = minimise(likelihood(y), Latent(one.decode, start), **settings)
    again = minimise(likelihood(y), Latent(one.decode, start), **settings)
    assert torch.equal(first.x, again.x)
    with pytest.raises(ValueError, match="constants"):
        minimise(likelihood(y), Latent(two.decode, start), **settings)


test_bad_arguments_are_named = refused(
    (lambda: Latent("decoder", rand(1, D)), "decode must map codes"),
    (lambda: Latent(Affine(), rand(D)), r"codes \(N, d\), got"),
    (lambda: Latent(Affine(), torch.full((1, D), torch.nan)), "not finite"),
    (lambda: Latent(Affine(), rand(1, D), bounds=(1, 0)), "bounds"),
    (lambda: ImageAndLatent(Affine(), data(2), rand(1, D), temperature=1.0), r"makes \(1, 1, 3, 4\) of codes"),
    (lambda: ImageAndLatent(Affine(), data(1), rand(1, D), temperature=0.0), "temperature"),
    (lambda: ImageAndLatent(Affine(), data(1), rand(1, D), temperature=1.0, smoothing=0.0), "smoothing"),
    (lambda: ImageAndLatent(Affine(), data(3), rand(3, D), temperature=torch.ones(2)), "2 values"),
    (lambda: ImageAndLatent(Affine(), data(1), rand(1, D), temperature=1.0, bounds=(2, 1)), "bounds"),
)
