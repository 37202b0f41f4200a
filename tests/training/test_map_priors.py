"""Priors on maps: units that drop out, energies of known fields, and what each can and cannot see."""

import pytest
import torch

from deeprestore_lab.measures.feature_statistics import separation
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.training.map_priors import MapPriors, fit_map_priors

SPATIAL = ("gradient", "total variation", "cosine frame", "Gaussian", "ICA", "field of experts")
CHANNELS = ("alpha-norm", "Gaussian, channels", "ICA, channels")


def smooth(count: int, seed: int) -> torch.Tensor:
    """Maps of four channels, the last of which never varies; one is a mixture of two others."""
    draw = torch.Generator().manual_seed(seed)
    f = torch.randn(count, 3, 20, 20, generator=draw) * torch.rand(count, 1, 1, 1, generator=draw).add(0.5)
    f = torch.nn.functional.avg_pool2d(f, 5, stride=1)
    f[:, 2] = 0.7 * f[:, 0] + 0.3 * f[:, 1] + 0.05 * f[:, 2]
    return torch.cat([5 + 3 * f, torch.full_like(f[:, :1], 2.0)], 1)


@pytest.fixture(scope="module")
def fit() -> MapPriors:
    return fit_map_priors(smooth(40, seed=0), size=3)


@pytest.fixture(scope="module")
def natural() -> torch.Tensor:
    return smooth(8, seed=1)


def test_maps_are_standardised_and_dead_channels_left_out(fit: MapPriors, natural: torch.Tensor) -> None:
    assert fit.kept.tolist() == [True, True, True, False]
    z = fit.standardised(smooth(40, seed=0))
    assert z.shape == (40, 3, 16, 16)
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(3), rtol=0, atol=1e-3)
    by_hand = TotalVariation(colour="channel")(fit.standardised(natural)) / (3 * 16 * 16)
    torch.testing.assert_close(fit.energies(natural)["total variation"], by_hand)


def test_a_picture_alone_has_the_energy_it_has_in_a_batch(fit: MapPriors, natural: torch.Tensor) -> None:
    together, alone = fit.energies(natural), fit.energies(natural[2:3])
    for name, values in together.items():
        torch.testing.assert_close(values[2:3], alone[name], rtol=1e-4, atol=1e-6)


def test_the_gaussians_are_what_their_covariances_say(fit: MapPriors) -> None:
    """Half of the chi-square of each value, on the maps that were fitted: 1/2 a value."""
    energies = fit.energies(smooth(40, seed=0))
    assert float(energies["Gaussian, channels"].mean()) == pytest.approx(0.5, abs=0.08)
    assert float(energies["Gaussian"].mean()) == pytest.approx(0.5, abs=0.08)


def test_who_sees_what(fit: MapPriors, natural: torch.Tensor) -> None:
    """Shuffled positions cost the spatial priors and nobody else; shuffled maps of a channel cost those of channels."""
    draw = torch.Generator().manual_seed(2)
    order = torch.randperm(256, generator=draw)
    moved = natural.flatten(2)[..., order].view_as(natural)
    mixed = natural.clone()
    mixed[:, 2] = natural.roll(1, 0)[:, 2]
    own, there, apart = (fit.energies(f) for f in (natural, moved, mixed))
    for name in SPATIAL:
        assert separation(own[name], there[name]).ratio > 1.3, name
        assert separation(own[name], apart[name]).ratio == pytest.approx(1, abs=0.1), name
    for name in CHANNELS:
        torch.testing.assert_close(own[name], there[name], rtol=1e-3, atol=1e-5)
    for name in CHANNELS[1:]:
        assert separation(own[name], apart[name]).ratio > 1.3, name


def test_what_does_not_fit(fit: MapPriors) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        fit_map_priors(torch.randn(4, 2, 8, 8))
    with pytest.raises(ValueError, match="4 channels"):
        fit.energies(torch.randn(2, 3, 16, 16))


def test_maps_of_double_precision_have_the_energies_of_single_ones(fit: MapPriors, natural: torch.Tensor) -> None:
    double = fit_map_priors(smooth(40, seed=0).double(), size=3)
    for name, values in double.energies(natural.double()).items():
        assert values.dtype == torch.float64
        if name not in ("ICA", "ICA, channels", "field of experts"):  # learned: other last digits, other filters
            torch.testing.assert_close(values.float(), fit.energies(natural)[name], rtol=1e-3, atol=1e-5)
