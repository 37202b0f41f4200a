"""Networks on maps: what they see, and what they refuse."""

import pytest
import torch

from deeprestore_lab.networks import MapDenoiser, WindowClassifier

Z = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_an_untrained_denoiser_leaves_maps_alone_and_learns_from_there():
    network = MapDenoiser(3)
    assert torch.equal(network(Z), Z)
    network(Z).square().sum().backward()
    assert network.residual[-1].weight.grad.abs().max() > 0


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_a_classifiers_windows_have_the_stated_width(depth):
    z = Z.clone().requires_grad_()
    WindowClassifier(3, depth=depth)(z)[0, 0, 4, 4].backward()
    seen = (z.grad[0].abs().sum(0) > 0).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [5 + 4 * (depth - 2) + 2] * 2


@pytest.mark.parametrize("kind", [MapDenoiser, WindowClassifier])
def test_other_channels_and_settings_are_refused(kind):
    with pytest.raises(ValueError, match="channels"):
        kind(4)(Z)
    with pytest.raises(ValueError, match="depth"):
        kind(3, depth=1)
