import pytest
import torch

from deeprestore_lab.baselines.annealed import annealed_denoising
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Identity

Y = torch.rand(2, 1, 5, 4, generator=torch.Generator().manual_seed(0))
DATA = GaussianLikelihood(Identity(), Y, sigma=0.2)


def test_each_level_ends_between_the_data_and_the_denoised_picture():
    """A denoiser that halves: every x has a closed form, from level to level."""
    levels, weight, x = [0.3, 0.1, 0.05], 0.7, Y
    for sigma in levels:
        a, b = 1 / 0.2**2, weight / sigma**2
        x = (a * Y + b * x / 2) / (a + b)
    found, z = annealed_denoising(DATA, Y, lambda x, sigma: x / 2, levels=levels, weight=weight, steps=20)
    torch.testing.assert_close(found, x, rtol=0, atol=1e-4)
    torch.testing.assert_close(z, found / 2)


def test_the_denoiser_is_told_each_level_once_and_the_last_one_again():
    told = []
    annealed_denoising(DATA, Y, lambda x, sigma: told.append(sigma) or x, levels=[0.2, 0.1], weight=1.0, steps=2)
    assert told == [0.2, 0.1, 0.1]


@pytest.mark.parametrize("wrong", [{"levels": [0.1, -0.1]}, {"weight": 0.0}, {"steps": 0}, {"levels": [25.0]}])
def test_levels_weights_and_steps_that_are_none_are_refused(wrong):
    settings = {"levels": [0.1], "weight": 1.0, "steps": 2} | wrong
    with pytest.raises(ValueError):
        annealed_denoising(DATA, Y, lambda x, sigma: x, **settings)
