"""Noise against SciPy's distributions; what a seed promises."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from deeprestore_lab import images
from deeprestore_lab.operators import Blur
from deeprestore_lab.signal.kernels import gaussian_kernel

DRAWS = {
    "gaussian": lambda x, seed: images.gaussian_noise(x, sigma=0.1, seed=seed),
    "poisson": lambda x, seed: images.poisson(x, peak=30, seed=seed),
    "salt and pepper": lambda x, seed: images.salt_and_pepper(x, amount=0.2, seed=seed)[0],
    "blocks": lambda x, seed: images.knock_out_blocks(x, size=3, count=2, seed=seed)[0],
}
every_kind = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


def batch(n=3, c=3, h=12, w=10, dtype=torch.float64):
    return torch.rand(n, c, h, w, dtype=dtype, generator=torch.Generator().manual_seed(1)) * 0.8 + 0.1


def test_gaussian_noise_is_gaussian():
    noise = images.gaussian_noise(torch.zeros(4, 3, 64, 64), sigma=torch.tensor([0.02, 0.1, 0.5, 1.0]), seed=0)
    for each, sigma in zip(noise, (0.02, 0.1, 0.5, 1.0), strict=True):
        assert stats.kstest(each.flatten().numpy(), stats.norm(scale=sigma).cdf).pvalue > 1e-3
    lags = np.corrcoef(noise[0, 0, :, :-1].flatten(), noise[0, 0, :, 1:].flatten())[0, 1]
    assert abs(lags) < 4 / np.sqrt(64 * 63)
    between = np.corrcoef(noise[1].flatten(), noise[2].flatten())[0, 1]
    assert abs(between) < 4 / np.sqrt(3 * 64 * 64)


@pytest.mark.parametrize("value, peak", [(0.5, 4.0), (1.0, 30.0)])
def test_poisson_counts_are_poisson(value, peak):
    y = images.poisson(torch.full((1, 1, 100, 100), value), peak=peak, seed=0)
    counts = (y * peak).round().long().flatten().numpy()
    torch.testing.assert_close(y.flatten() * peak, torch.from_numpy(counts).float(), rtol=1e-5, atol=1e-4)
    edges = np.arange(stats.poisson.ppf(0.01, value * peak), stats.poisson.ppf(0.99, value * peak) + 1)
    cells = np.concatenate([[-1], edges, [np.inf]])
    seen = np.histogram(counts, bins=cells + 0.5)[0]
    chances = np.diff(stats.poisson.cdf(cells, value * peak))
    assert stats.chisquare(seen, chances * counts.size).pvalue > 1e-3


def test_poisson_of_black_is_black_and_refuses_what_has_no_rate():
    assert images.poisson(torch.zeros(1, 1, 4, 4), peak=10, seed=0).abs().max() == 0
    with pytest.raises(ValueError, match="smallest value is -0.1"):
        images.poisson(torch.full((1, 1, 2, 2), -0.1), peak=10, seed=0)
    with pytest.raises(ValueError, match="finite"):
        images.poisson(torch.full((1, 1, 2, 2), torch.nan), peak=10, seed=0)
    with pytest.raises(ValueError, match="peak must be"):
        images.poisson(torch.zeros(1, 1, 2, 2), peak=0, seed=0)


def test_counts_of_a_picture_blurred_by_fft():
    x = torch.zeros(2, 1, 32, 32)
    x[..., 12:20, 12:20] = 1
    for border in ("circular", "zero"):
        blurred = Blur(gaussian_kernel(1.6), border=border)(x)
        assert -1e-6 < blurred.min() < 0, "this picture no longer shows what is tested"
        torch.testing.assert_close(
            images.poisson(blurred, peak=60, seed=0), images.poisson(blurred.clamp_min(0), peak=60, seed=0)
        )


def test_salt_and_pepper_hits_whole_pixels_at_the_rate_asked():
    x = torch.full((1, 3, 100, 100), 0.5)
    y, known = images.salt_and_pepper(x, amount=0.3, seed=0)
    hit = known[0, 0] == 0
    assert stats.binomtest(int(hit.sum()), hit.numel(), 0.3).pvalue > 1e-3
    white = (y[0, 0] == 1) & hit
    assert stats.binomtest(int(white.sum()), int(hit.sum()), 0.5).pvalue > 1e-3
    assert ((y == 0.5) == known.bool().expand_as(y)).all()
    assert set(y[0, :, hit].unique().tolist()) == {0, 1}
    torch.testing.assert_close(y[:, 0], y[:, 2])
    assert (images.salt_and_pepper(x, amount=0.0, seed=0)[0] == x).all()
    assert (images.salt_and_pepper(x, amount=1.0, seed=0)[1] == 0).all()


def test_blocks_knocked_out_are_squares():
    x = torch.ones(50, 2, 8, 9)
    y, known = images.knock_out_blocks(x, size=4, count=1, seed=0, value=0.25)
    assert ((1 - known).sum((1, 2, 3)) == 16).all()
    rows, columns = (1 - known[:, 0]).amax(2).sum(1), (1 - known[:, 0]).amax(1).sum(1)
    assert (rows == 4).all() and (columns == 4).all()
    assert torch.equal(y, torch.where(known > 0, 1.0, 0.25).expand_as(x))
    tops = (1 - known[:, 0]).amax(2).argmax(1)
    assert set(tops.tolist()) == {0, 1, 2, 3, 4}  # every place where a block fits whole


@every_kind
@given(seed=st.integers(0, 2**70))
@settings(max_examples=10, deadline=None)
def test_a_batch_begins_with_what_a_smaller_one_gets(draw, seed):
    x = batch()
    assert torch.equal(draw(x, seed)[:2], draw(x[:2], seed))
    assert torch.equal(draw(x, seed), draw(x, seed))


@every_kind
def test_seeds_and_places_differ(draw):
    same = batch()[:1].expand(3, -1, -1, -1)
    y = draw(same, 0)
    assert not torch.equal(y[0], y[1]) and not torch.equal(y[1], y[2])
    later = draw(same, 1)
    assert not any(torch.equal(a, b) for a in y for b in later)


@every_kind
def test_the_numbers_do_not_depend_on_precision_layout_or_the_global_seed(draw):
    x = batch(dtype=torch.float32)
    torch.manual_seed(1)
    y = draw(x, 0)
    torch.manual_seed(2)
    strided = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert torch.equal(draw(strided, 0), y)
    assert y.dtype == torch.float32 and draw(x.double(), 0).dtype == torch.float64
    torch.testing.assert_close(draw(x.double(), 0).float(), y)


@every_kind
def test_the_input_is_left_alone(draw):
    x = batch()
    before = x.clone()
    draw(x, 0)
    assert torch.equal(x, before)


@every_kind
@pytest.mark.parametrize("seed", [-1, 1.5, None, True, "0"])
def test_bad_seeds_are_named(draw, seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        draw(batch(), seed)


def test_bad_levels_are_named():
    x = batch()
    with pytest.raises(ValueError, match="sigma must be"):
        images.gaussian_noise(x, sigma=-0.1, seed=0)
    with pytest.raises(ValueError, match="2 values for a batch of 3"):
        images.gaussian_noise(x, sigma=torch.tensor([0.1, 0.2]), seed=0)
    with pytest.raises(ValueError, match="float tensor"):
        images.gaussian_noise(torch.zeros(2, 3, dtype=torch.long), sigma=0.1, seed=0)
    with pytest.raises(ValueError, match="amount must be a share"):
        images.salt_and_pepper(x, amount=1.5, seed=0)
    with pytest.raises(ValueError, match="size must be a whole number from 1 to 10"):
        images.knock_out_blocks(x, size=11, count=1, seed=0)
    with pytest.raises(ValueError, match="count must be"):
        images.knock_out_blocks(x, size=2, count=-1, seed=0)
