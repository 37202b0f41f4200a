"""The threshold denoiser: against NumPy on blocks, its laws, and its lead over total variation."""

import numpy as np
import pytest
import scipy.fft
import torch

from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.images.named_photographs import photograph, photographs
from deeprestore_lab.images.noise import gaussian_noise
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators import FilterBank, Identity
from deeprestore_lab.operators.frames import cosine_frame, shrink, threshold_denoise
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.signal.filters import cosine_filters, framelets, gabor_filters, impulse, join
from deeprestore_lab.solve import minimise
from refusals import refused


def by_blocks(y, limit, side, kind):
    """The same by the cosine transform of every block, one after the other, with SciPy: cut, back, average."""
    height, width = y.shape
    total = np.zeros_like(y)
    for top in range(height):
        for left in range(width):
            rows, columns = np.arange(top, top + side) % height, np.arange(left, left + side) % width
            spectrum = scipy.fft.dctn(y[np.ix_(rows, columns)], norm="ortho")
            small = np.abs(spectrum) <= limit
            cut = np.where(small, 0, spectrum - (limit * np.sign(spectrum) if kind == "soft" else 0))
            cut[0, 0] = spectrum[0, 0]
            total[np.ix_(rows, columns)] += scipy.fft.idctn(cut, norm="ortho")
    return total / side**2


@pytest.mark.parametrize("kind", ["hard", "soft"])
@pytest.mark.parametrize("side", [4, 5])
def test_it_is_the_average_over_thresholded_blocks(kind, side):
    y = torch.rand(1, 1, 9, 12, dtype=torch.float64)
    expected = by_blocks(y[0, 0].numpy(), 0.2 * 1.5, side, kind)
    frame = cosine_frame(side, dtype=torch.float64)
    x = threshold_denoise(y, frame, sigma=0.2, threshold=1.5, kind=kind, border="circular")
    np.testing.assert_allclose(x[0, 0], expected, atol=1e-12)


def test_no_threshold_gives_the_image_back():
    y = torch.rand(2, 3, 11, 14, dtype=torch.float64)
    for bank in (None, framelets(2, dtype=torch.float64), join(gabor_filters(size=7), impulse())):
        for colour in ("rotated", "channel"):
            x = threshold_denoise(y, bank, sigma=0.1, threshold=0.0, colour=colour)
            torch.testing.assert_close(x, y, atol=1e-6, rtol=0)


def test_a_huge_threshold_leaves_the_averages():
    """Only the means of the blocks are left: two passes of a box."""
    y = torch.rand(1, 1, 12, 12, dtype=torch.float64)
    x = threshold_denoise(y, cosine_frame(3, dtype=torch.float64), sigma=1.0, threshold=99.0, border="circular")
    mean = sum(y.roll((a, b), (2, 3)) for a in (-1, 0, 1) for b in (-1, 0, 1)) / 9
    expected = sum(mean.roll((a, b), (2, 3)) for a in (-1, 0, 1) for b in (-1, 0, 1)) / 9
    torch.testing.assert_close(x, expected)


def test_the_fast_operator_and_a_plain_bank_agree():
    y = torch.rand(1, 3, 20, 17, dtype=torch.float64)
    fast = threshold_denoise(y, cosine_frame(8, dtype=torch.float64), sigma=0.1)
    torch.testing.assert_close(threshold_denoise(y, cosine_filters(dtype=torch.float64), sigma=0.1), fast)
    torch.testing.assert_close(threshold_denoise(y, sigma=0.1), fast, atol=1e-6, rtol=0)


def test_an_image_alone_gives_the_same_as_in_a_batch():
    y, sigma, threshold = torch.rand(3, 3, 16, 16), torch.tensor([0.05, 0.1, 0.2]), torch.tensor([1.0, 2.0, 3.0])
    together = threshold_denoise(y, sigma=sigma, threshold=threshold)
    for i in range(3):
        alone = threshold_denoise(y[i : i + 1], sigma=float(sigma[i]), threshold=float(threshold[i]))
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-6, rtol=0)


def test_filters_of_other_norms_are_cut_where_their_noise_is():
    """A filter doubled, its noise doubles with it: in a bank of one filter and an average nothing changes."""
    y = torch.rand(1, 1, 16, 16, dtype=torch.float64)
    low, detail = torch.tensor([[[0.5, 0.5]]], dtype=torch.float64), torch.tensor([[[0.5, -0.5]]], dtype=torch.float64)
    scaled, sigma = FilterBank(torch.cat([low, 2 * detail])), 0.3
    x = threshold_denoise(y, scaled, sigma=sigma, threshold=1.0, border="circular")
    responses = FilterBank(torch.cat([low, detail]))(y)
    kept = responses[:, :, 1].abs() > sigma * 0.5**0.5
    expected = torch.stack([responses[:, :, 0], 2 * responses[:, :, 1] * kept], 2)
    torch.testing.assert_close(x, scaled.pseudo_inverse(expected))


def test_a_reflecting_border_keeps_the_far_side_away():
    y = torch.rand(1, 1, 24, 40)
    other = y.clone()
    other[..., 32:] = 1 - other[..., 32:]
    reach = 2 * 7  # from a pixel to the blocks around it, and from there to their pixels
    for border, same in (("reflect", True), ("circular", False)):
        a, b = (threshold_denoise(v, sigma=0.3, border=border)[..., : 32 - reach] for v in (y, other))
        assert torch.allclose(a, b, atol=1e-6) == same


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)])
def test_shrink_is_a_relu_pair_with_bias_or_a_gate(shape):
    r = torch.randn(shape, dtype=torch.float64)
    for t in (0.5, torch.full(shape[-1:], 0.5, dtype=torch.float64)):
        torch.testing.assert_close(shrink(r, t), torch.relu(r - 0.5) - torch.relu(-r - 0.5))
        torch.testing.assert_close(shrink(r, t, kind="hard"), torch.where(r.abs() > 0.5, r, 0.0))


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_shrink_refuses_thresholds_below_zero(kind):
    for threshold in (-0.1, torch.tensor([0.5, -0.1])):
        with pytest.raises(ValueError, match="threshold must be"):
            shrink(torch.zeros(2), threshold, kind=kind)


def test_it_denoises_photographs_better_than_total_variation_at_its_best_weight():
    x = photographs(["chelsea", "coffee"], size=96)
    y = x + gaussian_noise(x, sigma=25 / 255, seed=0)
    ours = psnr(threshold_denoise(y, sigma=25 / 255), x)
    likelihood = GaussianLikelihood(Identity(), y, sigma=25 / 255)
    weights = (0.5, 0.71, 1.0, 1.41)
    tv = [psnr(minimise(likelihood + w * TotalVariation().calibrated(25 / 255), y).x, x) for w in weights]
    assert bool((ours > torch.stack(tv).amax(0) + 0.4).all())
    assert bool((ours > psnr(y, x) + 6).all())


def test_the_defaults_are_near_the_best_threshold():
    x = photographs(["flower", "coins"], size=96)
    for level in (10, 25, 50):
        y = x + gaussian_noise(x, sigma=level / 255, seed=1)
        sweep = [psnr(threshold_denoise(y, sigma=level / 255, threshold=t), x).mean() for t in (2.25, 2.5, 3.0, 3.25)]
        assert psnr(threshold_denoise(y, sigma=level / 255), x).mean() > max(sweep) - 0.15


def test_gradients_reach_the_measurement():
    y = photograph("astronaut", size=16)[:, :1].double().requires_grad_()
    threshold_denoise(y, cosine_frame(4, dtype=torch.float64), sigma=0.02, kind="soft").sum().backward()
    assert float(y.grad.sum()) == pytest.approx(y.numel(), rel=1e-6)  # the mean goes through whole


test_bad_arguments_are_refused = refused(
    ({"kind": "firm"}, "kind must be one of"),
    ({"border": "zero"}, "border must be one of"),
    ({"colour": "lab"}, "colour must be one of"),
    ({"sigma": 0.0}, "sigma must be"),
    ({"threshold": -1.0}, "threshold must be"),
    ({"sigma": torch.ones(3)}, "3 values for a batch of 1"),
    ({"bank": "dct"}, "bank must be"),
    ({"bank": torch.ones(3, 3)}, "bank must be"),
    by=lambda arguments: threshold_denoise(torch.rand(1, 1, 16, 16), **{"sigma": 0.1, **arguments}),
)
