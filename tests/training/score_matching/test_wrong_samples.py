"""What does not fit is refused by name, and what does is taken in both precisions: score matching."""

import numpy as np
import pytest
import torch

from deeprestore_lab.priors import MapField, StationaryField
from deeprestore_lab.training import score_matching as matching
from refusals import refused_by_name

DRAW = torch.Generator().manual_seed(0)
X = torch.randn(50, 4, generator=DRAW)
FILTERS = torch.randn(3, 4, generator=DRAW)
PICTURES = torch.rand(2, 1, 16, 16, generator=DRAW)
BANK = 0.1 * torch.randn(4, 3, 3, generator=DRAW)
ONES = torch.ones(4)
MAPS = torch.randn(4, 2, 9, 9, generator=DRAW)
FIELD = MapField(torch.rand(2, 2, 5, 5, generator=DRAW), torch.ones(2))
NAN = float("nan")

REFUSED = {
    "samples of NaN": (lambda: matching.explicit_loss(FILTERS, torch.ones(3), NAN * X), "finite"),
    "samples without a bound": (lambda: matching.explicit_loss(FILTERS, torch.ones(3), torch.inf * X), "x must be fin"),
    "filters of NaN": (lambda: matching.explicit_loss(NAN * FILTERS, torch.ones(3), X), "filters must be finite"),
    "weights for samples of NaN": (lambda: matching.quadratic_in_weights(FILTERS, NAN * X), "x must be finite"),
    "samples in half precision": (lambda: matching.learn_filters(X.half(), 2, steps=1), "float16"),
    "two precisions": (lambda: matching.explicit_loss(FILTERS, torch.ones(3), X.double()), "one precision"),
    "no score": (lambda: matching.denoising_loss(lambda y: None, X, sigma=0.1, seed=0), "score"),
    "a score as text": (lambda: matching.denoising_loss("score", X, sigma=0.1, seed=0), "score"),
    "whole numbers": (lambda: matching.denoising_loss(lambda y: y, X.int(), sigma=0.1, seed=0), "x must"),
    "NumPy's samples": (lambda: matching.denoising_loss(lambda y: y, X.numpy(), sigma=0.1, seed=0), "x must"),
    "no samples": (lambda: matching.denoising_loss(lambda y: y, X[:0], sigma=0.1, seed=0), "x must"),
    "an energy cut off": (lambda: matching.hyvarinen_loss(lambda x: x.detach().sum(1), X), "autograd"),
    "an energy of NumPy": (lambda: matching.hyvarinen_loss(lambda x: x.sum(1), X.numpy()), "x must"),
    "an energy of nothing": (lambda: matching.hyvarinen_loss(lambda x: None, X), "energy"),
    "rows of no length": (lambda: matching.random_rows(2, 4, norm=NAN), "norm"),
    "no rows": (lambda: matching.random_rows(0, 4), "count"),
    "a matrix that is not symmetric": (
        lambda: matching.nonnegative_weights(torch.tensor([[1.0, 5.0], [0.0, 1.0]]), torch.ones(2)),
        "symmetric",
    ),
    "a matrix without a minimum": (
        lambda: matching.nonnegative_weights(-torch.eye(2), torch.ones(2)),
        "semidefinite",
    ),
    "a matrix of nothing": (lambda: matching.nonnegative_weights(torch.zeros(0, 0), torch.zeros(0)), "m must"),
    "photographs up to 255": (lambda: matching.patch_vectors([255 * PICTURES[:1]], size=4, count=9, seed=0), "255"),
    "a contrast as text": (
        lambda: matching.patch_vectors([PICTURES[:1]], size=4, count=9, seed=0, contrast="low"),
        "contrast",
    ),
    "a seed as text": (lambda: matching.patch_vectors([PICTURES[:1]], size=4, count=9, seed="0"), "seed"),
    "pictures of NumPy": (lambda: matching.picture_score_matching(PICTURES.numpy(), BANK, ONES), "x must"),
    "pictures of another precision": (
        lambda: matching.picture_score_matching(PICTURES.double(), BANK, ONES),
        "one precision",
    ),
    "three levels for two pictures": (
        lambda: matching.picture_denoising(PICTURES, 0 * PICTURES, BANK, ONES, sigma=torch.full((3,), 0.1)),
        "per image",
    ),
    "a field that sees nothing": (lambda: matching.best_factor(0 * PICTURES, BANK, ONES), "gradient is zero"),
    "no pictures": (lambda: matching.fit_field([], steps=1), "pictures must"),
    "two pictures as one": (lambda: matching.fit_field([torch.rand(2, 1, 40, 40)], steps=1), "pictures must"),
    "pictures of NaN": (lambda: matching.fit_field([torch.full((1, 1, 40, 40), NAN)], steps=1), "finite"),
    "filters of one pixel": (lambda: matching.fit_field([torch.rand(1, 1, 40, 40)], steps=1, size=1), "size"),
    "maps of NaN": (lambda: matching.fit_map_field(NAN * MAPS, count=2, steps=1), "finite"),
    "no field": (lambda: matching.map_denoising_loss(3, MAPS, sigma=0.1), "MapField"),
    "maps without an inside": (lambda: matching.map_denoising_loss(FIELD, MAPS[..., :8, :8], sigma=0.1), "at least"),
    "a field in colour": (
        lambda: matching.gaussian_overlap(StationaryField.power_law((16, 16), channels=3), 3),
        "grey",
    ),
    "noise below zero": (lambda: matching.whitening(X, noise=-1.0), "noise"),
    "samples of zero": (lambda: matching.whitening(0 * X), "zero everywhere"),
    "samples of zero, not whitened": (lambda: matching.no_whitening(0 * X), "zero everywhere"),
    "samples of one value": (lambda: matching.no_whitening(X[:, :1]), "two values"),
}


test_it_is_refused_by_name = refused_by_name(REFUSED)


@pytest.mark.parametrize(
    "learn",
    [
        lambda: matching.hyvarinen_loss(lambda x: x.square().sum(1), X),
        lambda: matching.fit_field([torch.rand(1, 1, 40, 40)], steps=1, loss="denoising"),
        lambda: matching.fit_map_field(MAPS, count=2, steps=1),
    ],
)
def test_inference_mode_has_no_gradients_and_the_error_says_so(learn):
    with torch.inference_mode(), pytest.raises(ValueError, match="inference_mode"):
        learn()


def test_a_field_is_learnt_inside_of_no_grad_as_outside():
    expected = matching.fit_map_field(MAPS, count=2, steps=2).filters
    with torch.no_grad():
        torch.testing.assert_close(matching.fit_map_field(MAPS, count=2, steps=2).filters, expected, rtol=0, atol=0)


def test_the_loss_of_a_line_is_half_its_slope_squared():
    slope = torch.tensor([1.0, -2.0, 0.0, 3.0])
    assert float(matching.hyvarinen_loss(lambda x: x @ slope, X)) == pytest.approx(14 / 2)


def test_filters_that_are_not_square_leave_out_their_own_margins():
    """The loss by NumPy's loops, with a margin of 2 rows and 4 columns for filters of 3 x 5."""
    filters, sigma = torch.rand(2, 2, 3, 5, generator=torch.Generator().manual_seed(1)).double(), 0.3
    z = torch.randn(1, 2, 8, 14, generator=torch.Generator().manual_seed(2)).double()
    field = MapField(filters, torch.tensor([0.5, 2.0]).double())
    noise = sigma * torch.randn(z.shape, generator=torch.Generator().manual_seed(7)).double().numpy()
    noisy, slope = z.numpy() + noise, np.zeros(z.shape)
    for weight, own in zip([0.5, 2.0], filters.numpy(), strict=True):
        for row in range(6):
            for column in range(10):
                s = (own * noisy[0, :, row : row + 3, column : column + 5]).sum()
                slope[0, :, row : row + 3, column : column + 5] += weight * s / (1 + s**2 / 2) * own
    expected = np.square(sigma * slope - noise / sigma)[..., 2:-2, 4:-4].mean() / 2
    assert matching.map_denoising_loss(field, z, sigma=sigma, seed=7) == pytest.approx(expected, rel=1e-9)


def test_maps_and_pictures_of_double_precision_are_taken():
    shallow = MapField(FIELD.filters[..., :3, :3], FIELD.weights)
    single = matching.map_denoising_loss(shallow, MAPS, sigma=0.3)
    assert matching.map_denoising_loss(shallow, MAPS.double(), sigma=0.3) == pytest.approx(single, rel=1e-5)
    fitted = matching.fit_field(
        [torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(3)).double()], steps=1
    )
    assert fitted.field.filters.dtype == torch.float32
