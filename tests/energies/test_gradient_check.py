"""The check of a gradient: it passes what is right and names what is wrong, by how much."""

import pytest
import torch

from deeprestore_lab.energies import Energy, check_gradient
from deeprestore_lab.priors import DenoiserScore, StationaryField, Tikhonov, TotalVariation
from small_operators import images


class Cut(Energy):
    """1/2 ||x||^2 with one factor that autograd does not see."""

    def value(self, x):
        return (x * x.detach()).flatten(1).sum(1) / 2


class Turned(Energy):
    """||x||^2 with the score of -||x||^2, of one image or of all."""

    def __init__(self, signs):
        self.signs = torch.tensor(signs).reshape(-1, 1, 1, 1)

    def value(self, x):
        return x.square().flatten(1).sum(1)

    def score(self, x):
        return self.signs * 2 * x


def test_what_is_right_passes():
    for energy in (Tikhonov(), TotalVariation(), 2 * TotalVariation(smoothing=0.1) + Tikhonov(), Turned([-1.0])):
        check_gradient(energy, images())
    check_gradient(StationaryField.power_law((4, 5), channels=3), images())
    check_gradient(Tikhonov("identity"), torch.full((1, 1, 2, 2), 0.5))  # at its minimum, in float32
    check_gradient(TotalVariation(smoothing=0.1), images().float())


def test_what_is_wrong_is_named_with_its_size():
    with pytest.raises(ValueError, match=r"the gradient of cut and the slope of its value differ by 0\.[45]\d* of"):
        check_gradient(Cut(), images(h=32, w=32) - 0.5)
    for signs in ([1.0], [-1.0, -1.01]):
        with pytest.raises(ValueError, match="minus the score of turned .* differ by .*, and 1e-05 is allowed"):
            check_gradient(Turned(signs), images())
    check_gradient(Cut(), images(), tolerance=1.0)
    for wrong in (DenoiserScore(lambda x: x, sigma=0.1), lambda x: x):
        with pytest.raises(ValueError, match="must be an energy with a value"):
            check_gradient(wrong, images())
