"""What is recorded as a CUDA graph and played again gives what it gives without."""

import pytest
import torch
from torch import nn

import deeprestore_lab as drl
from deeprestore_lab import minimise
from deeprestore_lab.core.capture import Captured
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.parametrisations import DeepImagePrior, Pixels
from deeprestore_lab.priors import TotalVariation
from deeprestore_lab.training import fit

pytestmark = pytest.mark.gpu
X = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def cuda(device: torch.device) -> torch.device:
    if device.type != "cuda":
        pytest.skip("only CUDA has graphs to record")
    return device


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_a_search_goes_the_same_way(solver, cuda):
    def run(capture):
        energy = GaussianLikelihood(Identity(), X.to(cuda), sigma=0.1) + 3 * TotalVariation(smoothing=0.05)
        return minimise(
            energy, Pixels(X.to(cuda), bounds=(0, 1)), solver=solver, steps=20, tolerance=0, capture=capture
        )

    played, plain = run(True), run(False)
    torch.testing.assert_close(played.energy, plain.energy, rtol=1e-5, atol=0)
    torch.testing.assert_close(played.x, plain.x, rtol=0, atol=1e-4)
    assert float((plain.energy[0] - plain.energy[-1]).abs().max()) > 1  # it went somewhere


def test_the_noise_of_each_step_is_the_one_it_would_have_been(cuda):
    def run(capture):
        energy = GaussianLikelihood(Identity(), X.to(cuda), sigma=0.1)
        g = DeepImagePrior(X.shape, preset="tiny", seed=0, device=cuda)
        settings = {"input_noise": 0.3, "seed": 1, "lr": 1e-7, "snapshots": False}
        return minimise(energy, g, steps=6, capture=capture, **settings)

    played, plain = run(True).energy, run(False).energy
    torch.testing.assert_close(played, plain, rtol=2e-4, atol=0)  # theta hardly moves: what differs is the noise
    assert float(plain[1:].std() / plain[0]) > 1e-3


def test_bfloat16_inside_the_network_alone(cuda):
    def run(precision):
        y = torch.linspace(0, 1, 64, device=cuda).expand(1, 3, 64, 64)
        g = DeepImagePrior(y.shape, preset="tiny", seed=0, device=cuda)
        energy = GaussianLikelihood(Identity(), y, sigma=0.1)
        return minimise(energy, g, steps=40, precision=precision, capture=cuda.type == "cuda", snapshots=False)

    low, full = run("bf16-mixed"), run("full")
    assert low.x.dtype == torch.float32 and not torch.equal(low.x, full.x)
    assert float(low.energy[0] / full.energy[0]) == pytest.approx(1, abs=0.02)
    assert all(float(each.energy[-1]) < 0.2 * float(each.energy[0]) for each in (low, full))


def test_what_reads_the_gpu_cannot_be_recorded(cuda):
    class Reads(Energy):
        def value(self, x):
            return x.square().sum((1, 2, 3)) * float(x.detach().max())

    with pytest.raises(ValueError, match=r"cannot be recorded as a CUDA graph.*capture=False"):
        minimise(Reads(), Pixels(X.to(cuda)), solver="adam", steps=5, capture=True)
    torch.cuda.synchronize()
    assert torch.isfinite(torch.ones(3, device=cuda).sum())  # the device is usable after that


def test_training_goes_the_same_way(cuda):
    data = torch.randn(8, 5, generator=torch.Generator().manual_seed(1)).to(cuda)

    def run(capture):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(5, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 1))
        history = fit(network, lambda step: (data + step, data.sum(1, keepdim=True)), steps=12, lr=1e-2,
                      accelerator="gpu", capture=capture)  # fmt: skip
        return history.loss, network.state_dict()

    (played, own), (plain, other) = run(True), run(False)
    assert played == pytest.approx(plain, rel=1e-4) and plain[0] > 1.2 * plain[-1]
    for name, value in own.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-4)


def test_batches_may_hold_none(cuda):
    """A recording of a nested batch; a leaf that is None at one step and a tensor at another is refused."""
    data = torch.randn(8, 3, generator=torch.Generator().manual_seed(1)).to(cuda)

    def run(capture, draw=lambda step: {"x": (data + step, None)}):
        torch.manual_seed(0)
        network = nn.Linear(3, 1)
        options = {"steps": 6, "lr": 1e-2, "accelerator": "gpu", "capture": capture}
        return fit(network, draw, objective=lambda batch: network(batch["x"][0]).square().mean(), **options).loss

    assert run(True) == pytest.approx(run(False), rel=1e-4)
    with pytest.raises(ValueError, match="takes None"):
        run(True, lambda step: {"x": (data, None if step < 4 else data)})


def test_inputs_of_another_shape_are_refused(cuda):
    twice = Captured(lambda x: 2 * x, [torch.ones(3, device=cuda)])
    assert twice(torch.full((3,), 4.0, device=cuda)).tolist() == [8.0] * 3
    with pytest.raises(ValueError, match=r"shape \(3,\).*shape \(4,\)"):
        twice(torch.ones(4, device=cuda))


def test_the_machine_says_what_it_can():
    assert drl.core.machine.has_bfloat16("cuda") == (
        torch.cuda.is_available() and torch.cuda.get_device_capability() >= (8, 0)
    )
