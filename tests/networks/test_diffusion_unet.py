"""The preconditioned denoiser, and the second classifier."""

import pytest
import torch

from deeprestore_lab.networks import DiffusionUNet, DigitJudge, digit_judge
from deeprestore_lab.networks.diffusion_unet import CENTRE, SPREAD

X = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_an_untrained_net_is_the_best_guess_from_mean_and_spread():
    sigma = torch.tensor([0.1, 0.5, 2.0])
    share = (SPREAD**2 / (SPREAD**2 + sigma**2))[:, None, None, None]
    torch.testing.assert_close(DiffusionUNet()(X, sigma), CENTRE + share * (X - CENTRE))


def test_what_the_network_is_asked_for_has_spread_one_at_every_level():
    """Of pictures with the mean and spread that it assumes: the target of F, by the formula solved for F."""
    draw = torch.Generator().manual_seed(0)
    x = CENTRE + SPREAD * torch.randn(4000, 1, 1, 1, generator=draw)
    for sigma in (0.01, 0.3, 5.0):
        y, size = x + sigma * torch.randn(x.shape, generator=draw), (sigma**2 + SPREAD**2) ** 0.5
        target = (x - CENTRE - (SPREAD / size) ** 2 * (y - CENTRE)) * size / (sigma * SPREAD)
        assert float(target.std()) == pytest.approx(1.0, abs=0.05)
        assert float(((y - CENTRE) / size).std()) == pytest.approx(1.0, abs=0.05)


def test_a_picture_alone_is_as_in_a_batch_and_levels_reach_their_pictures():
    net = DiffusionUNet(seed=1)
    with torch.no_grad():
        net.last.weight.normal_(generator=torch.Generator().manual_seed(0))
        together = net(X, torch.tensor([0.1, 0.5, 2.0]))
        alone = torch.cat([net(X[i : i + 1], sigma) for i, sigma in enumerate((0.1, 0.5, 2.0))])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_refusals():
    with pytest.raises(ValueError, match="multiples of 4"):
        DiffusionUNet()(torch.rand(1, 1, 30, 28), 0.1)
    with pytest.raises(ValueError, match="sigma must be"):
        DiffusionUNet()(X, 0.0)
    with pytest.raises(ValueError, match="two numbers"):
        DiffusionUNet(widths=(8, 8, 8))
    with pytest.raises(ValueError, match="28, 28"):
        DigitJudge().features(torch.rand(1, 1, 8, 8))


def test_the_judge_reads_the_embedded_digits():
    from deeprestore_lab.data import embedded_mnist

    images, labels = embedded_mnist("test")
    with torch.no_grad():
        right = (digit_judge()(images[:1000].float() / 255).argmax(1) == labels[:1000]).float().mean()
    assert float(right) > 0.97
