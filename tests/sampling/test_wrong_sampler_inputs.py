"""What does not fit is refused by name: no draw of the wrong law without a word, and no internal error."""

import numpy as np
import pytest
import torch

from deeprestore_lab import sampling
from deeprestore_lab.energies import GaussianLikelihood, PoissonLikelihood
from deeprestore_lab.operators import FourierMask, Identity
from deeprestore_lab.priors import GaussianMixture, Tikhonov, TotalVariation, gaussian_mixture
from refusals import refused_by_name

X = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
LEVELS = [2.0, 1.0, 0.0]
DATA = GaussianLikelihood(Identity(), X, sigma=0.1)
COUNTS = PoissonLikelihood(Identity(), X, peak=30.0)
PARTS = {
    "weights": torch.ones(1),
    "means": torch.zeros(1, 1, 1, 2),
    "directions": torch.tensor([[[1.0], [0.0]]]),
    "excess": torch.tensor([[3.0]]),
    "floor": torch.ones(1),
}
MIXTURE = GaussianMixture(*PARTS.values())
SAMPLES = torch.rand(9, 2, generator=torch.Generator().manual_seed(1))
LAYER = sampling.LayerPrior(torch.eye(2), torch.eye(2))
NAN = float("nan")


def white(y: torch.Tensor, sigma: float) -> torch.Tensor:
    return y / (1 + sigma**2)


def drawn(source, sampler=sampling.Euler, x=X, **settings) -> torch.Tensor:
    return sampling.draw(sampler(source, LEVELS, **settings), x, seed=0).x


def mixture(**changed) -> GaussianMixture:
    return GaussianMixture(*(PARTS | changed).values())


REFUSED = {
    "a mean of one picture of two": (lambda: drawn(lambda y, sigma: y[:1]), "shape of the images"),
    "a mean of one pixel": (lambda: drawn(lambda y, sigma: y.mean((2, 3), keepdim=True)), "shape of the images"),
    "a mean that is none": (lambda: drawn(lambda y, sigma: None), "shape of the images"),
    "more states than steps": (lambda: sampling.draw(sampling.Euler(white, LEVELS), X, seed=0, keep=3), "keep"),
    "a snapshot without a list": (
        lambda: sampling.draw(sampling.Euler(white, LEVELS), X, seed=0, snapshots=1),
        "snapshots",
    ),
    "levels as text": (lambda: sampling.Euler(white, "210"), "levels"),
    "levels as words": (lambda: sampling.Euler(white, ["2", "1", "0"]), "levels"),
    "levels as truth values": (lambda: sampling.Euler(white, [True, False]), "levels"),
    "a share as text": (lambda: sampling.Renoised(white, LEVELS, share="all"), "share"),
    "shares": (lambda: sampling.Renoised(white, LEVELS, share=torch.tensor([0.5, 0.5])), "share"),
    "shares of a walk": (
        lambda: sampling.AnnealedLangevin(white, LEVELS, inner=1, share=torch.tensor([0.1, 0.2])),
        "share",
    ),
    "guidance by an image": (lambda: sampling.guided(white, X, rule="splitting"), "GaussianLikelihood"),
    "guidance by counts": (lambda: sampling.guided(white, COUNTS, rule="splitting"), "GaussianLikelihood"),
    "DPS by counts": (lambda: sampling.DPS(white, LEVELS, COUNTS, weight=0.5), "GaussianLikelihood"),
    "DPS by a prior": (lambda: sampling.DPS(white, LEVELS, TotalVariation(), weight=0.5), "GaussianLikelihood"),
    "split Gibbs by counts": (lambda: sampling.SplitGibbs(white, COUNTS, rhos=[0.1], inner=1), "GaussianLikelihood"),
    "one coupling without a list": (lambda: sampling.SplitGibbs(white, DATA, rhos=0.1, inner=1), "rhos"),
    "guidance without a Jacobian": (
        lambda: drawn(sampling.guided(lambda y, sigma: y.detach(), DATA, rule="pseudo-inverse")),
        "autograd",
    ),
    "guidance of three pictures by two": (
        lambda: drawn(sampling.guided(white, DATA, rule="splitting"), x=X[:1].repeat(3, 1, 1, 1)),
        "measurement",
    ),
    "DPS of three pictures by two": (
        lambda: drawn(white, sampling.DPS, X[:1].repeat(3, 1, 1, 1), data=DATA, weight=0.5),
        "measurement",
    ),
    "couplings that rise": (lambda: sampling.falling(0.1, 1.0, fall=2, stay=0), "fall"),
    "couplings as text": (lambda: sampling.falling("1", 0.1, fall=2, stay=0), "first"),
    "a time as text": (lambda: sampling.as_velocity(white)(X, "now"), "t must"),
    "two times": (lambda: sampling.as_velocity(white)(X, torch.tensor([0.2, 0.4])), "t must"),
    "the law of no sampler": (lambda: sampling.law(3, torch.ones(2)), "sampler"),
    "the law of nothing": (lambda: sampling.law(sampling.Euler(white, LEVELS), torch.ones(0)), "start"),
    "the law of two noises": (
        lambda: sampling.law(
            sampling.Corrected(sampling.Ancestral(white, LEVELS), inner=2, share=0.2), torch.ones(2).double()
        ),
        "more than once",
    ),
    "the law of a step that bends": (
        lambda: sampling.law(sampling.Euler(lambda y, sigma: y.tanh(), LEVELS), torch.ones(2).double()),
        "not linear",
    ),
    "errors of lists": (lambda: sampling.errors_of_law([1.0], [1.0]), "variances"),
    "errors over zero": (lambda: sampling.errors_of_law(torch.ones(2), torch.zeros(2)), "true"),
    "a start of no shape": (lambda: sampling.noise_start(1, 3, sigma=1.0, seed=0), "shape"),
    "a start around text": (lambda: sampling.noise_start(1, (1, 2, 2), sigma=1.0, seed=0, mean="grey"), "mean"),
    "a start around three pictures": (
        lambda: sampling.noise_start(1, (1, 2, 2), sigma=1.0, seed=0, mean=torch.zeros(3, 1, 2, 2)),
        "mean",
    ),
    "a start around a picture of another size": (
        lambda: sampling.noise_start(1, (1, 2, 2), sigma=1.0, seed=0, mean=torch.zeros(1, 3, 3)),
        "mean",
    ),
    "splitting without a weight": (lambda: sampling.guided(white, DATA, rule="splitting", weight=0.0), "weight"),
    "two smallest levels": (
        lambda: sampling.SplitGibbs(white, DATA, rhos=[0.1], inner=2, smallest=torch.tensor([0.1, 0.2])),
        "smallest",
    ),
    "a posterior of two levels": (
        lambda: sampling.MixturePosterior(MIXTURE, Identity(), torch.ones(2, 1, 1, 2), sigma=torch.tensor([0.1, 0.2])),
        "sigma",
    ),
    "a posterior of NaN": (
        lambda: sampling.MixturePosterior(MIXTURE, Identity(), torch.full((1, 1, 1, 2), NAN), sigma=0.1),
        "finite",
    ),
    "a posterior of NumPy": (
        lambda: sampling.MixturePosterior(MIXTURE, Identity(), np.ones((1, 1, 1, 2)), sigma=0.1),
        "y must",
    ),
    "a posterior of a function": (
        lambda: sampling.MixturePosterior(MIXTURE, torch.sin, torch.ones(1, 1, 1, 2), sigma=0.1),
        "operator",
    ),
    "directions that are not orthonormal": (lambda: mixture(directions=2 * PARTS["directions"]), "orthonormal"),
    "an infinite excess": (lambda: mixture(excess=torch.tensor([[float("inf")]])), "finite"),
    "means of NaN": (lambda: mixture(means=torch.full((1, 1, 1, 2), NAN)), "finite"),
    "parts under a negative level": (lambda: MIXTURE.responsibilities(torch.ones(1, 1, 1, 2), -3), "sigma"),
    "a mixture of one image": (
        lambda: gaussian_mixture.fit_gaussian_mixture(X[:1], parts=1, rank=1, seed=0),
        "two images",
    ),
    "a mixture of NaN": (
        lambda: gaussian_mixture.fit_gaussian_mixture(NAN * X, parts=1, rank=1, seed=0),
        "finite",
    ),
    "a ratio of text": (lambda: sampling.LogisticRatio("p", "q"), "features"),
    "a ratio of one sample": (lambda: sampling.LogisticRatio(SAMPLES[:1], SAMPLES), "two samples"),
    "a ratio of NaN": (lambda: sampling.LogisticRatio(NAN * SAMPLES, SAMPLES), "finite"),
    "a ratio at another width": (lambda: sampling.LogisticRatio(SAMPLES, SAMPLES)(SAMPLES[:, :1]), "features"),
    "a ratio after no round": (lambda: sampling.LogisticRatio(SAMPLES, SAMPLES, rounds=0), "rounds"),
    "weights that are all zero": (lambda: sampling.effective_sample_size(torch.zeros(3)), "weights"),
    "an infinite weight": (lambda: sampling.resampled(torch.tensor([1.0, float("inf")]), 2, seed=0), "weights"),
    "no weight": (lambda: sampling.resampled(torch.zeros(0), 2, seed=0), "weights"),
    "no ratio": (lambda: sampling.tempered([torch.rand(0)], weight=1.0), "log ratio"),
    "ratios that are none": (lambda: sampling.tempered(None, weight=1.0), "log_ratios"),
    "ratios without a list": (lambda: sampling.tempered(torch.tensor(1.0), weight=1.0), "log_ratios"),
    "a layer of lists": (lambda: sampling.LayerPrior([[1.0]], [[1.0]]), "phi"),
    "a layer without variance": (lambda: sampling.LayerPrior(torch.eye(2), torch.zeros(2, 2)), "positive definite"),
    "a product of other sizes": (lambda: sampling.field_product(torch.eye(3), [LAYER]), "covariance"),
    "a product of two precisions": (lambda: sampling.field_product(torch.eye(2).double(), [LAYER]), "covariance"),
    "a product of no layers": (lambda: sampling.field_product(torch.eye(2), torch.eye(2)), "layers"),
    "a product with a negative width": (lambda: sampling.field_product(torch.eye(2), [LAYER], rho=-1.0), "rho"),
    "laws fitted to none": (lambda: sampling.fit_in_turn(torch.eye(2), [], sweeps=1), "layers"),
    "scores of other sizes": (lambda: sampling.summed_scores(torch.eye(3), [LAYER]), "covariance"),
    "a walk by two steps": (lambda: sampling.Langevin(Tikhonov("identity"), lr=torch.ones(2), steps=1), "lr"),
}


test_it_is_refused_by_name = refused_by_name(REFUSED)


@pytest.mark.parametrize(
    "source", [sampling.guided(white, DATA, rule="reconstruction"), sampling.guided(white, DATA, rule="pseudo-inverse")]
)
def test_inference_mode_has_no_gradients_and_the_error_says_so(source):
    with torch.inference_mode(), pytest.raises(ValueError, match="inference_mode"):
        drawn(source)


def test_draws_take_any_layout_and_both_precisions():
    """The same numbers whatever the strides; in float64 the same law."""
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    expected = drawn(white, sampling.Ancestral, x)
    torch.testing.assert_close(
        drawn(white, sampling.Ancestral, x.contiguous(memory_format=torch.channels_last)), expected
    )
    assert drawn(white, sampling.Ancestral, x.double()).dtype == torch.float64


def test_a_mixture_is_fitted_in_the_precision_of_its_images():
    x = torch.rand(12, 1, 3, 3, generator=torch.Generator().manual_seed(3)).double()
    fitted = gaussian_mixture.fit_gaussian_mixture(x, parts=2, rank=2, seed=0)
    assert fitted.means.dtype == fitted.directions.dtype == fitted.sample(2, seed=0).dtype == torch.float64


WHOLE = FourierMask(torch.ones(4, 4))  # every frequency: an orthonormal transform


def both_measurements(n: int) -> tuple[GaussianLikelihood, GaussianLikelihood]:
    """The same measurement in pixels and in frequencies: ||F x - F y|| = ||x - y|| for what is real."""
    y = X[:1].expand(n, -1, -1, -1).contiguous()
    return GaussianLikelihood(Identity(), y, sigma=0.5), GaussianLikelihood(WHOLE, WHOLE(y), sigma=0.5)


@pytest.mark.parametrize("rule", ["pseudo-inverse", "reconstruction", "splitting"])
def test_guidance_by_frequencies_is_guidance_by_pixels(rule):
    """The imaginary part of a measurement counts."""
    pixels, frequencies = (drawn(sampling.guided(white, data, rule=rule)) for data in both_measurements(2))
    torch.testing.assert_close(frequencies, pixels, atol=1e-5, rtol=1e-4)


def test_dps_by_frequencies_is_dps_by_pixels():
    pixels, frequencies = (drawn(white, sampling.DPS, data=data, weight=0.5) for data in both_measurements(2))
    torch.testing.assert_close(frequencies, pixels, atol=1e-5, rtol=1e-4)


def test_split_gibbs_by_frequencies_has_the_law_of_pixels():
    """With one inner step a sweep is x' = m z, z ~ N(v (y / s^2 + x / r^2), v): an autoregression of known law."""
    n, noise, rho = 2000, 0.5, 0.3
    v, m = 1 / (noise**-2 + rho**-2), 1 / (1 + rho**2)
    kept = m * v / rho**2
    mean, variance = m * v / noise**2 / (1 - kept), m**2 * v / (1 - kept**2)
    for data in both_measurements(n):
        sampler = sampling.SplitGibbs(white, data, rhos=[rho] * 25, inner=1)
        x = sampling.draw(sampler, torch.zeros(n, 1, 4, 4), seed=0).x
        torch.testing.assert_close(x.mean(0), mean * X[0], atol=0.03, rtol=0)  # four of its standard errors
        assert float(x.var(0).mean()) == pytest.approx(variance, rel=0.03)
