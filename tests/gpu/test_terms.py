"""Operators and energies: values, adjoints, gradients and proximal steps are those of the CPU, and stay there."""

import pytest
import torch

from deeprestore_lab import backbones
from deeprestore_lab.energies import GaussianLikelihood, LaplaceLikelihood, PoissonLikelihood, RepresentationError
from deeprestore_lab.operators import (
    Blur,
    ChannelDeviation,
    ChannelMean,
    Crop,
    Downsample,
    FilterBank,
    FourierFilter,
    FourierMask,
    Gradient,
    Gram,
    Identity,
    Mask,
    MatrixOperator,
    RandomProjection,
    SeparableFilterBank,
)
from deeprestore_lab.priors import AlphaNorm, PoweredVariation, StationaryField, Tikhonov, TotalVariation
from deeprestore_lab.signal.kernels import gaussian_kernel

pytestmark = pytest.mark.gpu
SHAPE = (2, 3, 12, 8)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


KERNEL = gaussian_kernel(0.9, size=3, dtype=torch.float64)
LINEAR = {
    "identity": Identity(),
    "mask": Mask(numbers(1, 1, 12, 8) > 0.5),
    "crop": Crop(2),
    "gradient": Gradient(),
    "circular blur": Blur(KERNEL),
    "reflecting blur": Blur(KERNEL, border="reflect"),
    "downsampling": Downsample(2),
    "average": Downsample(4, kernel="average"),
    "filters": FilterBank(numbers(3, 3, 3, seed=1)),
    "separable filters": SeparableFilterBank(numbers(2, 3, seed=2)),
    "response": FourierFilter(torch.fft.rfft2(numbers(12, 8, seed=3)).abs(), size=(12, 8)),
    "some frequencies": FourierMask(numbers(12, 8, seed=3) > 0.5),
    "random numbers": RandomProjection((3, 12, 8), 5),
    "matrix": MatrixOperator(numbers(5, 3 * 12 * 8, seed=4), (3, 12, 8), (5,)),
    "blur, then fewer pixels": Downsample(2) @ Blur(KERNEL),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_operators(name, device):
    A, x = LINEAR[name], numbers(*SHAPE, seed=5)
    y, there = A(x), A(x.to(device))
    assert there.device.type == device.type
    torch.testing.assert_close(there.cpu(), y, rtol=1e-10, atol=1e-12)
    z = torch.complex(numbers(*y.shape, seed=6), numbers(*y.shape, seed=7)) if y.is_complex() else numbers(*y.shape)
    back = A.adjoint(z.to(device))
    assert back.device.type == device.type
    torch.testing.assert_close(back.cpu(), A.adjoint(z), rtol=1e-10, atol=1e-12)
    product = (there.conj() * z.to(device)).sum().real
    torch.testing.assert_close(product, (x.to(device) * back).sum(), rtol=1e-10, atol=1e-10)
    there, here = (torch.as_tensor(own, dtype=x.dtype).cpu() for own in (A.norm(x.to(device)), A.norm(x)))
    torch.testing.assert_close(there, here, rtol=1e-6, atol=0)
    if A.has_solve:
        solved = A.solve(x.to(device), torch.tensor([0.3, 2.0]))
        torch.testing.assert_close(solved.cpu(), A.solve(x, torch.tensor([0.3, 2.0])), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("A", [Gram(), ChannelMean(), ChannelDeviation()])
def test_statistics(A, device):
    x = numbers(*SHAPE)
    torch.testing.assert_close(A(x.to(device)).cpu(), A(x), rtol=1e-10, atol=1e-12)


def field() -> StationaryField:
    return StationaryField.power_law(SHAPE[2:], std=0.2)


DATA = {
    "gaussian": lambda y: GaussianLikelihood(LINEAR["circular blur"], y, sigma=torch.tensor([0.1, 0.2])),
    "laplace": lambda y: LaplaceLikelihood(Identity(), y, scale=0.1),
    "poisson": lambda y: PoissonLikelihood(Identity(), y, peak=30.0),
    "representation": lambda y: RepresentationError(Gram(), Gram()(y), normaliser="values"),
}
PRIORS = {
    "tv": TotalVariation(),
    "anisotropic tv": TotalVariation(kind="anisotropic", colour="channel"),
    "smoothed tv": TotalVariation(smoothing=0.01),
    "calibrated tv": TotalVariation().calibrated(sigma=0.1),
    "alpha norm": AlphaNorm(),
    "powered variation": PoweredVariation(),
    "tikhonov": Tikhonov(),
}


def same_energy(here, there, device: torch.device) -> None:
    x = numbers(*SHAPE, seed=7)
    results = []
    for energy, place in ((here, "cpu"), (there, device)):
        at = x.detach().to(place).requires_grad_()
        value = energy(at)
        assert value.shape == (2,) and value.device == at.device
        results.append((value.detach().cpu(), torch.autograd.grad(value.sum(), at)[0].cpu()))
    for ours, expected in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-10)
    if getattr(here, "has_prox", False):
        steps = torch.tensor([0.01, 0.1])
        torch.testing.assert_close(there.prox(x.to(device), steps).cpu(), here.prox(x, steps), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", DATA)
def test_data_terms(name, device):
    y = numbers(*SHAPE, seed=8)
    same_energy(DATA[name](y), DATA[name](y.to(device)), device)


@pytest.mark.parametrize("name", PRIORS)
def test_priors(name, device):
    same_energy(PRIORS[name], PRIORS[name], device)


def test_a_stationary_field(device):
    x, prior = numbers(2, 1, *SHAPE[2:]), field()
    torch.testing.assert_close(prior(x.to(device)).cpu(), prior(x), rtol=1e-9, atol=1e-9)


def test_a_backbone_follows_the_image(device):
    phi = backbones.representation("vgg_mini", "relu3_1", weights="embedded")
    x = numbers(1, 3, 48, 40).float()
    at = x.to(device).requires_grad_()
    maps = phi(at)
    assert maps.device.type == device.type
    torch.testing.assert_close(maps.detach().cpu(), phi(x), rtol=1e-3, atol=1e-4)
    (gradient,) = torch.autograd.grad(maps.square().sum(), at)
    assert gradient.device.type == device.type and gradient.isfinite().all()


def test_data_left_behind_are_named(device):
    if device.type == "cpu":
        pytest.skip("the two devices are one")
    y = numbers(*SHAPE)
    with pytest.raises(ValueError, match=f"on the device '{device.type}.*the measurement y on 'cpu'"):
        GaussianLikelihood(Identity(), y, sigma=0.1)(y.to(device))
