"""The deep image prior: its inputs, seeds, batches bit for bit, sizes and errors."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import stats

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.networks import Hourglass, grid
from deeprestore_lab.networks.hourglass import Widths
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import DeepImagePrior
from deeprestore_lab.parametrisations.deep_image_prior import fixed_input
from deeprestore_lab.priors import TotalVariation
from refusals import refused

NARROW = Widths((4, 6), (4, 6), (2, 2))


def prior(shape: tuple = (1, 3, 12, 12), **options: object) -> DeepImagePrior:
    return DeepImagePrior(shape, **{"widths": NARROW, "input_channels": 4, **options})


def test_is_an_hourglass_on_a_fixed_input():
    g = prior((2, 3, 12, 15), seed=[4, 1])
    for i, seed in enumerate([4, 1]):
        torch.manual_seed(seed)
        net = Hourglass(4, 3, widths=NARROW)
        torch.testing.assert_close(g()[i : i + 1], net(g.z[i : i + 1]), rtol=0, atol=1e-6)
        assert torch.equal(g.theta[i], torch.cat([p.flatten() for p in net.parameters()]))
    assert 0 < g().min() and g().max() < 1


@pytest.mark.parametrize("preset", ["tiny", "small", "medium"])
def test_presets_make_images_of_any_size_they_take(preset):
    g = DeepImagePrior((1, 3, 33, 40), preset=preset)
    assert g().shape == (1, 3, 33, 40) and g.z.shape == (1, 32, 33, 40)
    assert g.parameter_count == sum(p.numel() for p in g._template[0].parameters())


def test_small_is_the_preset_unless_another_is_asked_for():
    shape = (1, 1, 32, 32)
    assert torch.equal(DeepImagePrior(shape).theta, DeepImagePrior(shape, preset="small").theta)


def test_the_seed_decides_the_image():
    assert torch.equal(prior(seed=3)(), prior(seed=3)())
    assert torch.equal(prior((2, 3, 12, 12), seed=3)(), prior(seed=3)().expand(2, -1, -1, -1))
    assert not torch.equal(prior(seed=3).theta, prior(seed=4).theta)
    assert not torch.equal(prior(seed=3).z, prior(seed=4).z)


def test_making_one_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    for kind in ("uniform", "normal", "coordinates"):
        prior(input_kind=kind, seed=[1])
    assert torch.equal(torch.get_rng_state(), before)


def test_uniform_inputs_fill_their_range_evenly():
    z = fixed_input("uniform", 8, 64, 64, bounds=(-0.5, 1.5), seed=0)
    assert z.shape == (1, 8, 64, 64)
    assert stats.kstest(z.flatten().double().numpy(), stats.uniform(-0.5, 2).cdf).pvalue > 0.01
    small = prior().z
    assert 0 <= small.min() and small.max() <= 0.1


def test_normal_inputs_have_the_mean_and_the_deviation_of_the_uniform_ones():
    low, high = -0.5, 1.5
    z = fixed_input("normal", 8, 64, 64, bounds=(low, high), seed=0).flatten().double().numpy()
    uniform = stats.uniform(low, high - low)
    assert stats.kstest(z, stats.norm(uniform.mean(), uniform.std()).cdf).pvalue > 0.01
    assert abs(z.mean() - uniform.mean()) < 4 * uniform.std() / z.size**0.5
    assert abs(z.std() - uniform.std()) < 4 * uniform.std() / (2 * z.size) ** 0.5


def test_coordinates_run_down_and_across_within_their_range():
    z = prior((1, 1, 12, 24), input_kind="coordinates", input_range=(-1, 3)).z
    assert z.shape == (1, 2, 12, 24)
    down, across = np.meshgrid((np.arange(12) + 0.5) / 24, (np.arange(24) + 0.5) / 24, indexing="ij")
    np.testing.assert_allclose(z[0], -1 + 4 * np.stack([down, across]), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(fixed_input("coordinates", 2, 5, 5, bounds=(0, 1), seed=0).flatten(2)[0].T, grid(5, 5))


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_the_numbers_of_the_input_are_not_those_of_the_weights(kind):
    """One generator's numbers come in one order: the same seed would make a row of weights of the input's."""
    seed, n = 3, 4 * 12 * 12
    z = prior(input_kind=kind, input_range=(0, 1), seed=seed).z.flatten()
    torch.manual_seed(seed)
    drawn = torch.rand(n) if kind == "uniform" else 0.5 + torch.randn(n) / math.sqrt(12)
    assert abs(np.corrcoef(z, drawn)[0, 1]) < 4 / n**0.5


@pytest.mark.parametrize("input_noise", [0.0, 0.1])
@pytest.mark.parametrize("upsampling", ["bilinear", "nearest"])
def test_a_batch_equals_single_runs_bit_for_bit(input_noise, upsampling):
    """A sweep of weights of total variation, each image with a seed of its own."""
    y = torch.rand(3, 1, 13, 18)
    weights, seeds = torch.tensor([0.1, 1.0, 7.0]), [1, 2, 1]

    def run(which: slice, weight: torch.Tensor | float):
        energy = GaussianLikelihood(Identity(), y[which], sigma=0.1) + weight * TotalVariation()
        g = prior(y[which].shape, seed=seeds[which], upsampling=upsampling)
        return minimise(energy, g, steps=7, input_noise=input_noise, seed=4, average=0.9, reference=y[which])

    batch = run(slice(0, 3), weights)
    assert batch.solver == "adam"
    for i in range(3):
        alone = run(slice(i, i + 1), weights[i].item())
        assert torch.equal(batch.x[i], alone.x[0]) and torch.equal(batch.average[i], alone.average[0])
        assert torch.equal(batch.energy[:, i], alone.energy[:, 0]) and torch.equal(batch.psnr[:, i], alone.psnr[:, 0])
        assert torch.equal(batch.average_psnr[:, i], alone.average_psnr[:, 0])
    assert not torch.equal(batch.x[0], batch.x[2])


def test_a_heavier_prior_gives_a_smoother_image():
    y = torch.rand(1, 1, 16, 16).expand(3, -1, -1, -1)
    energy = GaussianLikelihood(Identity(), y, sigma=0.1) + torch.tensor([0.0, 10.0, 1000.0]) * TotalVariation()
    trace = minimise(energy, prior(y.shape), steps=60)
    variation = TotalVariation()(trace.x)
    assert variation[0] > 2 * variation[1] > 2 * variation[2]


def test_fits_an_image_and_keeps_to_zero_and_one():
    x = torch.stack(torch.meshgrid(torch.linspace(0.2, 0.8, 16), torch.linspace(0.2, 0.8, 16), indexing="ij"))[None]
    trace = minimise(GaussianLikelihood(Identity(), x, sigma=0.1), prior(x.shape), steps=150, reference=x)
    assert trace.psnr[-1] > trace.psnr[0] + 10 and trace.steps.tolist() == [150]
    assert 0 < trace.x.min() and trace.x.max() < 1


def test_float64_copies_and_the_state():
    g = prior((2, 3, 12, 13), seed=[1, 2])
    x = g()
    other = copy.deepcopy(g).double()
    torch.testing.assert_close(other().float(), x, rtol=0, atol=1e-5)
    assert other.perturbed(0.1).dtype == torch.float64 and g().dtype == torch.float32
    third = prior((2, 3, 12, 13), seed=[8, 9])
    third.load_state_dict(g.state_dict())
    assert torch.equal(third(), x)


test_bad_arguments_are_named = refused(
    (lambda: DeepImagePrior((1, 1, 40, 40), preset="huge"), "preset must be one of .*got 'huge'"),
    (lambda: DeepImagePrior((1, 1, 16, 40), preset="tiny"), r"4 scales needs at least 17 pixels.*\(16, 40\)"),
    (lambda: DeepImagePrior((1, 1, 40, 32), preset="medium"), "5 scales needs at least 33 pixels"),
    (lambda: DeepImagePrior((1, 40, 40)), r"\(N, C, H, W\)"),
    (lambda: prior(widths="tiny"), "widths must be"),
    (lambda: prior(preset="small"), "give a preset or widths, not both; got preset 'small' and Widths"),
    (lambda: prior(input_kind="noise"), "input_kind must be one of 'uniform', 'normal', 'coordinates'"),
    (lambda: prior(input_range=(0.1, 0.0)), "input_range must be two finite numbers"),
    (lambda: prior(input_range=(0.0, 0.0)), "input_range must be"),
    (lambda: prior(input_range=None), "input_range must be"),
    (lambda: prior(input_range=0.1), "input_range must be"),
    (lambda: prior(input_range=(0, math.inf)), "input_range must be"),
    (lambda: prior(input_channels=0), "input_channels must be"),
    (lambda: prior(upsampling="bicubic"), "upsampling must be one of"),
    (lambda: prior(seed=[1, 2]), "2 seeds were given for 1 images"),
    (lambda: prior(seed=True), "seed must be"),
)
