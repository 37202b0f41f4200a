"""Random views in `minimise`: the mean over the law is what falls, each image as alone, the seed is all there is."""

import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.operators import Affine, Identity, Jitter, RandomRotation, RandomScale, RandomView
from deeprestore_lab.parametrisations import Pixels

Y = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
VIEWS = RandomRotation(10) @ RandomScale(0.1) @ Jitter(1)


class Either(RandomView):
    """The picture as it is, or mirrored in neither: turned by a half; each half of the time."""

    most = 180

    def matrix(self, generator):
        return Affine.turned(180.0 * float(torch.rand((), generator=generator) < 0.5)).matrix


def test_the_minimum_is_that_of_the_mean_over_the_law():
    """E ||T x - y||^2 over the identity and a half turn is smallest at the mean of y and its half turn."""
    energy = GaussianLikelihood(Identity(), Y, sigma=0.5)
    trace = minimise(
        energy, Pixels(torch.full_like(Y, 0.5)), solver="adam", views=Either(), seed=0, steps=3000,
        lr=lambda step: 0.02 / (1 + step / 20), progress=False, snapshots=False,
    )  # fmt: skip
    expected = (Y + torch.rot90(Y, 2, (2, 3))) / 2
    assert float((trace.x - expected).abs().max()) < 0.03 < float((Y - expected).abs().max())


def test_an_image_alone_sees_the_same_views():
    energy = GaussianLikelihood(Identity(), Y, sigma=0.1)
    alone = GaussianLikelihood(Identity(), Y[1:], sigma=0.1)
    options = {"solver": "adam", "views": VIEWS, "seed": 5, "steps": 20, "progress": False}
    both = minimise(energy, torch.zeros_like(Y), **options).x
    torch.testing.assert_close(both[1:], minimise(alone, torch.zeros_like(Y[1:]), **options).x, rtol=0, atol=1e-12)


def test_views_come_after_the_jitter_and_the_trace_shows_the_picture_itself():
    seen = []

    class Watch(Energy):
        name = "watch"

        def value(self, x):
            seen.append(x.detach())
            return x.flatten(1).sum(1)

    trace = minimise(Watch(), Y, solver="adam", views=Jitter(2), seed=0, steps=5, lr=1e-12, progress=False)
    torch.testing.assert_close(trace.x, Y, rtol=0, atol=1e-9)
    assert any(not torch.allclose(x, Y, atol=1e-6) for x in seen)


def test_a_checkpoint_knows_its_law(tmp_path):
    energy = GaussianLikelihood(Identity(), Y, sigma=0.1)
    options = {"solver": "adam", "seed": 1, "progress": False, "checkpoint": tmp_path / "run"}
    whole = minimise(energy, Y, views=VIEWS, steps=12, solver="adam", seed=1, progress=False).x
    minimise(energy, Y, views=VIEWS, steps=5, **options)
    assert torch.equal(minimise(energy, Y, views=VIEWS, steps=12, **options).x, whole)
    with pytest.raises(ValueError, match="views"):
        minimise(energy, Y, views=Jitter(1), steps=14, **options)


def test_other_solvers_and_other_things_are_refused():
    energy = GaussianLikelihood(Identity(), Y, sigma=0.1)
    with pytest.raises(ValueError, match="only Adam bears that"):
        minimise(energy, Y, solver="lbfgs", views=VIEWS)
    with pytest.raises(ValueError, match="RandomView"):
        minimise(energy, Y, views=Affine.turned(3))
    assert minimise(energy, Y, views=VIEWS, seed=0, steps=1, progress=False).solver == "adam"
