"""What the checks accept, and what they say of what they refuse."""

import numpy as np
import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.checks import check_images, check_seed, check_whole, describe
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.weight_choice import stein_risk


def test_a_numpy_array_is_described_and_not_printed():
    array = np.zeros((1, 3, 40, 40))
    assert describe(array).startswith("a numpy array float64 of shape (1, 3, 40, 40)")
    for call in (
        lambda: check_images(array),
        lambda: minimise(TotalVariation(), array),
        lambda: GaussianLikelihood(Identity(), array, sigma=0.1),
    ):
        with pytest.raises(ValueError, match="torch.from_numpy") as error:
            call()
        assert len(str(error.value)) < 200


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_kind(value):
    whole = check_whole(value, name="n", least=3)
    assert whole == 3 and type(whole) is int


@pytest.mark.parametrize("value", [1.5, 3.0, "a", None, True, 2, np.float64(3)])
def test_other_numbers_are_named(value):
    with pytest.raises(ValueError, match="n must be a whole number of at least 3, got"):
        check_whole(value, name="n", least=3)


@pytest.mark.parametrize("seed", [-1, "a", 1.5, 2**64])
def test_seeds_that_torch_cannot_take(seed):
    y = torch.rand(1, 1, 4, 4)
    for call in (
        lambda: check_seed(seed),
        lambda: stein_risk(lambda v: v, y, sigma=0.1, seed=seed),
        lambda: minimise(TotalVariation(), y, seed=seed),
    ):
        with pytest.raises(ValueError, match="seed must be"):
            call()
    assert check_seed(np.int64(5)) == 5 and check_seed(2**64 - 1) == 2**64 - 1


def test_minimise_takes_numbers_of_numpy():
    y = torch.rand(1, 1, 8, 8)
    data = GaussianLikelihood(Identity(), y, sigma=0.1)
    own = {"steps": 3, "tolerance": float(np.float32(1e-3)), "lr": float(np.float32(0.02)), "jitter": 1, "seed": 4}
    numpy = {"steps": np.int64(3), "tolerance": np.float32(1e-3), "lr": np.float32(0.02), "jitter": np.int64(1)}
    plain = minimise(data, y / 2, solver="adam", progress=False, **own)
    other = minimise(data, y / 2, solver="adam", progress=False, seed=np.uint8(4), **numpy)
    assert torch.equal(plain.x, other.x) and int(other.steps) == 3
