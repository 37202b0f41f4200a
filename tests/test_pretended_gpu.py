"""Nothing mixes devices: torch's fake tensors pretend a GPU, with shapes and places but without numbers."""

import sys

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood, base, likelihoods
from deeprestore_lab.generators import shipped
from deeprestore_lab.generators.code_matching import Batch, MatchedTraining, Matching
from deeprestore_lab.generators.shipped_models import KINDS
from deeprestore_lab.images import masks, noise
from deeprestore_lab.measures import discrepancies, metrics
from deeprestore_lab.networks import (
    BoundedAutoEncoder,
    adain_decoder,
    denoiser,
    digit_classifier,
    style_net,
    super_resolver,
)
from deeprestore_lab.operators import (
    Affine,
    Blur,
    ChannelScale,
    ConvolutionLayer,
    Downsample,
    FourierFilter,
    FourierMask,
    Gradient,
    Gram,
    Identity,
    Mask,
    RandomProjection,
)
from deeprestore_lab.parametrisations import CoordinateNetwork, DeepImagePrior, Pixels, PlainMLP
from deeprestore_lab.priors import (
    AlphaNorm,
    ByOpponent,
    DenoiserEnergy,
    DenoiserScore,
    FieldOfExperts,
    GaussianMixture,
    MapField,
    OvercompleteICA,
    PoweredVariation,
    RidgeRegulariser,
    StationaryField,
    Tikhonov,
    TotalVariation,
)
from deeprestore_lab.priors.ridge_prox import ridge_minimum
from deeprestore_lab.sampling import AdjustedLangevin, Ancestral, SplitGibbs, guided, summed_scores
from deeprestore_lab.sampling.products import LayerPrior
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.training import losses

pytestmark = pytest.mark.slow  # what pretends a device takes seconds to be imported
SHAPE = (2, 3, 12, 8)
MODE = FakeTensorMode(allow_non_fake_inputs=True)  # one for all: what is kept of one is not taken by another


@pytest.fixture
def pretended(monkeypatch):
    """A mode in which "cuda" can be asked for, and in which checks of numbers that are not there pass."""
    monkeypatch.setattr(FakeTensor, "__bool__", lambda x: True, raising=False)
    monkeypatch.setattr(FakeTensor, "__float__", lambda x: 0.5, raising=False)
    yield MODE
    for module in [module for name, module in sys.modules.items() if name.startswith("deeprestore_lab")]:
        for value in vars(module).values():  # what was kept meanwhile has no numbers: the tests after this need some
            if callable(getattr(value, "cache_clear", None)):
                value.cache_clear()


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*(shape or SHAPE), device="cuda")


# Made before the mode begins, with numbers and on the CPU.
REFLECTING, FIELD = Blur(torch.ones(3, 3) / 9, border="reflect"), StationaryField.power_law((12, 8))
FREQUENCIES = FourierMask(torch.rand(12, 8) > 0.5)
EXPERTS = FieldOfExperts(torch.rand(2, 3, 3), torch.ones(2))
RIDGE = RidgeRegulariser(torch.rand(2, 1, 3, 3), torch.ones(2, 3))
FLAT = torch.linalg.qr(torch.rand(288, 2))[0][None]
MIXTURE = GaussianMixture(torch.ones(1), torch.zeros(1, 3, 12, 8), FLAT, torch.ones(1, 2), torch.ones(1))
COMPONENTS = OvercompleteICA(torch.rand(4, 12, 8), torch.ones(4))
UNEVEN = ChannelScale(torch.zeros(3), torch.tensor([1.0, 0.0, 2.0]))
LAYER = ConvolutionLayer(torch.rand(2, 3, 3, 3), size=(12, 8))
ON_IMAGES = {
    "mask": Mask(torch.rand(12, 8) > 0.5),
    "reflecting blur, solved": lambda x: REFLECTING.solve(x, 0.5),
    "downsampling": Downsample(2, kernel="average"),
    "its adjoint": lambda x: Downsample(2).adjoint(x),
    "gradient": Gradient(),
    "gram": Gram(),
    "response": FourierFilter(torch.fft.rfft2(torch.rand(12, 8)).abs(), size=(12, 8)),
    "some frequencies": FourierMask(torch.rand(12, 8) > 0.5),
    "image of some frequencies": lambda x: FREQUENCIES.adjoint(FREQUENCIES(x)),
    "random numbers": RandomProjection((3, 12, 8), 5),
    "score of a denoiser": DenoiserScore(lambda v: v / 2, sigma=torch.tensor([0.1, 0.2])).score,
    "energy of a denoiser": DenoiserEnergy(lambda v: v / 2),
    "total variation": TotalVariation(),
    "weights for each image": torch.tensor([1.0, 2.0]) * TotalVariation().calibrated(sigma=0.1) + Tikhonov(),
    "alpha norm": AlphaNorm(),
    "powered variation": PoweredVariation(),
    "field": lambda x: FIELD(x[:, :1]),
    "field of experts": EXPERTS,
    "ridge regulariser": RIDGE,
    "its score": RIDGE.score,
    "field on maps": MapField(torch.rand(2, 3, 3, 3), torch.ones(2)),
    "mixture": MIXTURE,
    "its mean under noise": lambda x: MIXTURE.posterior_mean(x, 0.5),
    "score of the mixture": MIXTURE.score,
    "independent components": lambda x: COMPONENTS(x[:, :1]),
    "by opponent": ByOpponent(TotalVariation()),
    "channel scale": UNEVEN,
    "convolution": LAYER,
    "its transpose": lambda x: LAYER.adjoint(LAYER(x)),
    "psnr": lambda x: metrics.psnr(x, torch.rand(SHAPE)),
    "noise": lambda x: noise.gaussian_noise(x, sigma=0.1, seed=0),
    "salt and pepper": lambda x: noise.salt_and_pepper(x, amount=0.1, seed=0)[0],
    "text": masks.text_mask,
    "indicator": lambda x: losses.indicator(x, x, tolerance=0.1),
}


@pytest.mark.parametrize("name", ON_IMAGES)
def test_constants_follow_the_image(name, pretended):
    with pretended:
        assert ON_IMAGES[name](images()).device.type == "cuda"


class Brought(TorchDispatchMode):
    """Notes the tensors that are copied from the CPU: a GPU waits for each, and no CUDA graph can hold one."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        taken = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        placed = {each.device.type for each in tree_leaves(result) if isinstance(each, torch.Tensor)}
        if "cuda" in placed and function._overloadpacket in (torch.ops.aten._to_copy, torch.ops.aten.copy_):
            self.shapes += [tuple(each.shape) for each in taken if each.device.type == "cpu"]
        return result


NEW_AT_EACH_CALL = {  # no step of a search
    "weights for each image", "random numbers", "score of a denoiser", "psnr", "noise",
    "salt and pepper", "text",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ON_IMAGES.keys() - NEW_AT_EACH_CALL))
def test_what_is_computed_again_brings_nothing_from_the_cpu(name, pretended):
    with pretended:
        x = images()
        ON_IMAGES[name](x)
        with Brought() as brought:
            ON_IMAGES[name](x)
    assert brought.shapes == []


def test_what_is_brought_is_seen(pretended):
    with pretended, Brought() as brought:
        torch.rand(3).to(images())
        images().new_tensor([1.0, 2.0])
    assert brought.shapes == [(3,), (2,)]


def test_a_view_is_computed_where_the_pictures_are(pretended, monkeypatch):
    with pretended:
        view, x, grid = Affine(images(2, 3)), images(), images(1, 12, 8, 2)
        # the one that is pretended brings constants of its own
        monkeypatch.setattr(torch.nn.functional, "affine_grid", lambda *given, **options: grid)
        with Brought() as brought:
            assert view(x).device.type == "cuda"
    assert brought.shapes == []


LEVELS_OF_IMAGES = torch.tensor([0.5, 0.25])
TERMS = {
    "weights": lambda y: LEVELS_OF_IMAGES * TotalVariation(smoothing=0.1),
    "weights of zero": lambda y: torch.tensor([0.0, 1.0]) * TotalVariation(smoothing=0.1),
    "sigma": lambda y: LEVELS_OF_IMAGES * GaussianLikelihood(Identity(), y, sigma=LEVELS_OF_IMAGES),
    "scale": lambda y: LEVELS_OF_IMAGES * LaplaceLikelihood(Identity(), y, scale=LEVELS_OF_IMAGES),
    "peak": lambda y: LEVELS_OF_IMAGES * PoissonLikelihood(Identity(), y, peak=LEVELS_OF_IMAGES),
}


CHECKS = [(base, "check_weight")]
CHECKS += [(likelihoods, f"check_{own}") for own in ("level", "positive", "not_negative")]


@pytest.mark.parametrize("name", TERMS)
def test_numbers_for_each_image_are_brought_once(name, pretended, monkeypatch):
    monkeypatch.setattr(FakeTensor, "tolist", lambda x: [True] * len(x), raising=False)
    for module, check in CHECKS:
        monkeypatch.setattr(module, check, lambda value, **options: value)  # of numbers that are not there
    with pretended:
        problem = Problem(TERMS[name](images()), Pixels(images()))
        with Brought() as brought:
            problem.evaluate(gradient=False)
    assert brought.shapes == []


@pytest.mark.parametrize("kind", [GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood])
def test_data_beside_the_image_serve_it(kind, pretended):
    name = {GaussianLikelihood: "sigma", LaplaceLikelihood: "scale", PoissonLikelihood: "peak"}[kind]
    term = kind(Identity(), torch.rand(SHAPE), **{name: 0.5})
    with pretended:
        with pytest.raises(ValueError, match="A x is on the device 'cuda:0' and the measurement y on 'cpu'"):
            term(images())
        term.y = images()
        assert term(images()).device.type == "cuda"


def shrunk(y: torch.Tensor, sigma: float) -> torch.Tensor:
    return y / (1 + sigma**2)


LEVELS = [1.0, 0.5]
SAMPLERS = {  # whose step needs no autograd, which has no engine for a device that is not there
    "ancestral": lambda data: Ancestral(shrunk, LEVELS),
    "splitting": lambda data: Ancestral(guided(shrunk, data, rule="splitting"), LEVELS),
    "split Gibbs": lambda data: SplitGibbs(shrunk, data, rhos=[0.1], inner=1),
    "MALA": lambda data: AdjustedLangevin(MIXTURE, lr=0.1, steps=2),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_step_where_the_pictures_are(name, pretended):
    data = GaussianLikelihood(Identity(), torch.rand(SHAPE), sigma=0.5)
    sampler = SAMPLERS[name](data)
    with pretended:
        data.y = images()
        assert sampler.step(0, images(), torch.randn_like).device.type == "cuda"


def test_a_proximal_step_of_filters_runs_where_the_picture_is(pretended):
    r = RidgeRegulariser(torch.rand(2, 1, 3, 3), torch.ones(2, 3))
    with pretended:
        there = r.like(images())
        found = ridge_minimum(there, images(2, 1, 12, 8), 0.1, steps=1)
        assert found.x.device.type == found.passes.device.type == "cuda"


def test_scores_of_layers_follow_the_pictures(pretended):
    mean = summed_scores(torch.eye(8), [LayerPrior(torch.eye(8), torch.eye(8))])
    with pretended:
        assert mean(images(2, 1, 1, 8), 0.5).device.type == "cuda"


MODELS = {
    "digit_classifier": (digit_classifier, (2, 1, 28, 28)),
    "denoiser": (lambda: denoiser("gaussian"), (1, 3, 16, 16)),
    "super_resolver": (lambda: super_resolver("pixel"), (1, 3, 8, 8)),
    "srcnn": (lambda: super_resolver("srcnn"), (1, 3, 8, 8)),
    "style_net": (style_net, (1, 3, 16, 16)),
    "adain_decoder": (adain_decoder, (1, 32, 8, 8)),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_can_be_moved(name, pretended):
    make, shape = MODELS[name]
    model = make()
    with pretended:
        assert model.to("cuda")(images(*shape)).device.type == "cuda"


@pytest.mark.parametrize("kind", KINDS)
def test_generators_sample_where_they_are(kind, pretended):
    model = shipped(kind)
    with pretended:
        assert model.to("cuda").sample(3).device.type == "cuda"


@pytest.mark.parametrize(
    "make",
    [
        lambda: DeepImagePrior((2, 3, 33, 40), preset="tiny", seed=[1, 2]),
        lambda: PlainMLP((1, 1, 8, 8), hidden=8),
        lambda: CoordinateNetwork((1, 3, 8, 8), hidden=8, features=4),
    ],
)
def test_networks_search_where_they_are(make, pretended):
    g = make()
    with pretended:
        there = g.to("cuda")
        assert there().device.type == there.theta.device.type == "cuda"


def test_every_term_of_a_matched_training_runs_where_the_batch_is(pretended):
    model = BoundedAutoEncoder(latent=3, widths=(16,), shape=(1, 6, 6))
    every = {name: 0.1 for name in ("sliced_wasserstein", "maximum_mean_discrepancy", "energy_distance", "moments")}
    matching = Matching(**every, cycle=0.1, neighbour=0.1, noise=0.1, candidates=4)
    training = MatchedTraining(model, torch.rand(40, 1, 6, 6), matching=matching, batch=8, seed=0, mixed=False)
    batch = training.draw(0)
    with pretended:
        assert training.to("cuda")(Batch(*(tensor.to("cuda") for tensor in batch))).device.type == "cuda"


def test_a_mix_is_noticed(pretended):
    with pretended, pytest.raises(RuntimeError, match="device"):
        images() + torch.rand(SHAPE)


def test_discrepancies_take_directions_from_anywhere(pretended):
    with pretended:
        value = discrepancies.sliced_wasserstein(images(9, 4), images(9, 4), directions=torch.rand(4, 7))
        assert value.device.type == "cuda"
