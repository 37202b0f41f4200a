"""Restoration over codes: the lowest of several minima, for each image, alone or among others."""

import torch

from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.generators.restore import restore_over_latent
from deeprestore_lab.networks import BoundedAutoEncoder
from deeprestore_lab.operators import Identity, Mask
from deeprestore_lab.priors import Tikhonov
from refusals import refused

SHAPE, D, SIGMA = (1, 3, 4), 3, 0.2


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def decoder() -> BoundedAutoEncoder:
    model = BoundedAutoEncoder(latent=D, widths=(8,), shape=SHAPE, seed=2).double().initialise(rand(30, *SHAPE))
    with torch.no_grad():
        model.decoder[-1].weight.mul_(30)
    return model.requires_grad_(False)


def double_well(u: torch.Tensor) -> torch.Tensor:
    """`(N, 1)` to one pixel; of a target 0 the minima are 1/5 and 4/5, the second at half the distance of the first."""
    t = u - 0.5
    return (1 + (t.square() - 0.09).square() / 0.01 - 0.5 * torch.tanh(20 * t))[:, :, None, None]


def test_the_lowest_minimum_is_chosen_for_each_image_by_itself():
    data = GaussianLikelihood(Identity(), torch.zeros(2, 1, 1, 1, dtype=torch.float64), sigma=1.0)
    starts = torch.tensor([[[0.1], [0.9]], [[0.95], [0.1]], [[0.25], [0.3]]], dtype=torch.float64)
    found = restore_over_latent(double_well, data, starts=starts, solver="lbfgs", progress=False)
    assert found.start.tolist() == [1, 0]
    torch.testing.assert_close(found.codes, torch.full((2, 1), 0.8, dtype=torch.float64), rtol=0, atol=1e-3)
    torch.testing.assert_close(found.energies[:, 0], torch.tensor([1.5, 0.5, 1.5]).double() ** 2 / 2, rtol=1e-3, atol=0)
    torch.testing.assert_close(found.energy, torch.full((2,), 0.125, dtype=torch.float64), rtol=1e-3, atol=0)
    torch.testing.assert_close(found.x, double_well(found.codes))
    single = restore_over_latent(double_well, data, starts=starts[:1], solver="lbfgs", progress=False)
    assert single.energy[0] > 1 and single.start.tolist() == [0, 0]


def test_the_default_search_ends_there_too_whatever_the_range():
    data = GaussianLikelihood(Identity(), torch.zeros(2, 1, 1, 1, dtype=torch.float64), sigma=1.0)
    guess = torch.tensor([[0.1], [0.9]], dtype=torch.float64)
    found = restore_over_latent(double_well, data, guess=guess, starts=6, progress=False)
    wide = restore_over_latent(
        lambda u: double_well(u / 50), data, guess=50 * guess, starts=6, bounds=(0, 50), progress=False
    )
    assert found.trace.solver == "adam" and found.trace.steps.tolist() == [200] * 14
    torch.testing.assert_close(found.codes, torch.full((2, 1), 0.8, dtype=torch.float64), rtol=0, atol=1e-3)
    torch.testing.assert_close(wide.codes, 50 * found.codes, rtol=1e-3, atol=0)


def test_every_row_meets_its_own_measurement_mask_and_weight():
    """Energies of the codes found, computed once more for N images without the batch of starts."""
    model, y = decoder(), rand(3, *SHAPE, seed=4)
    mask, weights = (rand(3, *SHAPE, seed=5) > 0.4).double(), torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)
    energy = GaussianLikelihood(Mask(mask), mask * y, sigma=SIGMA) + weights * Tikhonov("gradient")
    found = restore_over_latent(model.decode, energy, guess=model.encode(y), starts=4, steps=30, progress=False)
    assert found.energies.shape == (5, 3) and found.trace.x.shape == (15, *SHAPE)
    for s in range(5):
        torch.testing.assert_close(energy(found.trace.x.unflatten(0, (5, 3))[s]), found.energies[s])
    torch.testing.assert_close(found.energy, found.energies.amin(0))
    torch.testing.assert_close(energy(model.decode(found.codes)), found.energy)
    assert set(found.trace.terms) == {"gaussian likelihood", "tikhonov gradient"}


def test_an_image_alone_is_restored_as_among_others():
    model, y = decoder(), rand(3, *SHAPE, seed=4)

    def solve(y: torch.Tensor):
        energy = GaussianLikelihood(Identity(), y, sigma=SIGMA)
        return restore_over_latent(model.decode, energy, guess=model.encode(y), starts=3, steps=25, progress=False)

    among = solve(y)
    for n in range(3):
        alone = solve(y[n : n + 1])
        torch.testing.assert_close(alone.codes, among.codes[n : n + 1], rtol=0, atol=1e-8)
        torch.testing.assert_close(alone.energies[:, 0], among.energies[:, n])
        assert alone.start[0] == among.start[n]


def test_starts_are_the_guess_then_draws_by_the_seed():
    model, y = decoder(), rand(2, *SHAPE, seed=4)
    energy, guess = GaussianLikelihood(Identity(), y, sigma=SIGMA), rand(2, D, seed=6)

    def starts(**settings) -> torch.Tensor:
        found = restore_over_latent(model.decode, energy, steps=0, progress=False, **settings)
        shape = found.energies.shape
        best = found.trace.x.unflatten(0, shape)[found.start, torch.arange(2)]
        assert torch.equal(found.x, best)
        return found.trace.x.unflatten(0, shape)

    first = starts(guess=guess, starts=2, seed=1)
    torch.testing.assert_close(first[0], model.decode(guess))
    assert torch.equal(first, starts(guess=guess, starts=2, seed=1))
    assert not torch.equal(first[1:], starts(guess=guess, starts=2, seed=2)[1:])
    torch.testing.assert_close(first[1:, 0], first[1:, 1])  # the same ones for every image
    given = rand(2, 2, D, seed=7)
    torch.testing.assert_close(starts(guess=guess, starts=given)[1:], torch.stack([model.decode(u) for u in given]))
    assert starts(starts=given).shape[0] == 2 and starts(guess=guess, starts=0).shape[0] == 1


def test_draws_fill_the_bounds():
    def decode(u: torch.Tensor) -> torch.Tensor:
        return u[:, :, None, None]

    energy = GaussianLikelihood(Identity(), torch.zeros(1, 2, 1, 1), sigma=1.0)
    guess = torch.full((1, 2), 3.0)
    drawn = restore_over_latent(decode, energy, guess=guess, starts=500, bounds=(2, 4), steps=0, progress=False)
    codes = drawn.trace.x.flatten()[2:]
    assert codes.min() > 2 and codes.max() < 4 and codes.min() < 2.05 and codes.max() > 3.95
    assert abs(codes.mean() - 3) < 0.1


def test_the_reference_is_seen_by_the_trace_alone():
    model, x = decoder(), rand(2, *SHAPE, seed=4)
    energy = GaussianLikelihood(Identity(), x, sigma=SIGMA)
    settings = {"guess": rand(2, D, seed=6), "starts": 2, "steps": 5, "progress": False}
    plain, seen = (restore_over_latent(model.decode, energy, reference=r, **settings) for r in (None, x))
    assert torch.equal(plain.x, seen.x) and plain.trace.psnr is None
    last = seen.trace.psnr[-1].unflatten(0, (3, 2))[seen.start, torch.arange(2)]
    torch.testing.assert_close(last, -10 * torch.log10((seen.x - x).square().flatten(1).mean(1)))


class Kinked(Energy):
    """A term with a kink: L-BFGS must still be told that it has one."""

    smooth = False

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return x.abs().flatten(1).sum(1)


test_bad_arguments_are_named = refused(
    (lambda m, e, u: restore_over_latent(m.decode, e, starts=3), "3 draws as starts need a guess"),
    (lambda m, e, u: restore_over_latent(m.decode, e, guess=u, bounds=None), "need bounds"),
    (lambda m, e, u: restore_over_latent(m.decode, e, guess=u, starts=-1), "starts"),
    (lambda m, e, u: restore_over_latent(m.decode, e, starts=u), r"codes \(S, N, d\), got"),
    (lambda m, e, u: restore_over_latent(m.decode, e, guess=u, starts=u[None, :1]), r"codes \(S, 2, 3\), got"),
    (lambda m, e, u: restore_over_latent(m.decode, e, guess=u[0]), r"guess must be a float tensor of codes"),
    (lambda m, e, u: restore_over_latent(m.decode, Kinked() + e, guess=u, solver="lbfgs"), "kinked has kinks"),
    (lambda m, e, u: restore_over_latent(m.decode, e, guess=u, reference=rand(3, *SHAPE)), "reference has shape"),
    (lambda m, e, u: restore_over_latent(m.decode, e, guess=u, reference=3.0), "reference must be"),
    by=lambda act: act(decoder(), GaussianLikelihood(Identity(), rand(2, *SHAPE), sigma=SIGMA), rand(2, D)),
)
