"""What autograd does not see is refused by everything that follows gradients, and named."""

import pytest
import torch
from torch import nn

from deeprestore_lab import minimise
from deeprestore_lab.core.dependence import check_depends
from deeprestore_lab.energies import Energy, GaussianLikelihood
from deeprestore_lab.operators import Identity, Operator
from deeprestore_lab.parametrisations import Network, Pixels
from deeprestore_lab.priors import AutoEncoderPrior, Tikhonov, TotalVariation
from deeprestore_lab.signal.arithmetic import conv, effective_field, receptive_field
from deeprestore_lab.training import fit, largest_curvature

Y = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
DATA = GaussianLikelihood(Identity(), Y, sigma=0.1)
SMOOTH = TotalVariation(smoothing=0.01)


class Lost(Energy):
    """A sum of squares that leaves autograd in one of the usual ways."""

    def __init__(self, way: str) -> None:
        self.way = way

    def value(self, x: torch.Tensor) -> torch.Tensor:
        if self.way == "numpy":
            return torch.from_numpy((x.detach().numpy() ** 2).sum((1, 2, 3)))
        if self.way == "data":
            return x.data.square().flatten(1).sum(1)
        if self.way == "detach":
            return x.detach().square().flatten(1).sum(1)
        with torch.no_grad():
            return x.square().flatten(1).sum(1)


class LostOperator(Operator):
    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return x.detach().sqrt()


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "adam", "proximal"])
@pytest.mark.parametrize("way", ["numpy", "data", "detach", "no_grad"])
def test_an_energy_that_leaves_autograd_is_refused_by_name(solver, way):
    with pytest.raises(ValueError, match="'lost' does not depend on theta as autograd sees it"):
        minimise(Lost(way), Y, solver=solver)
    with pytest.raises(ValueError, match="'lost' does not depend on theta"):
        minimise(DATA + SMOOTH + Lost(way), Y, solver=solver)  # the others do, and it would be left out silently


def test_an_operator_or_a_model_that_leaves_autograd_is_refused_too():
    with pytest.raises(ValueError, match="'gaussian likelihood' does not depend on theta"):
        minimise(GaussianLikelihood(LostOperator(), Y, sigma=0.1), Y)
    layer = nn.Conv2d(1, 1, 1)  # its own weights have a gradient, so the energy looks as if it had one
    wrong = AutoEncoderPrior(lambda x: layer(x.detach()), temperature=1.0)
    assert float(wrong(Y).detach()) > 0
    trace = minimise(DATA + wrong, Y, steps=3)  # through x itself there is a way
    assert trace.energy[-1] < trace.energy[0]

    class Detached(Energy):
        def value(self, x):
            return layer(x.detach()).square().flatten(1).sum(1)

    with pytest.raises(ValueError, match="'detached' does not depend on theta"):
        minimise(DATA + SMOOTH + Detached(), Y)


def test_a_penalty_that_leaves_autograd_is_refused():
    class Held(Pixels):
        def penalty(self) -> torch.Tensor:
            return self.theta.detach().square().flatten(1).sum(1)

    with pytest.raises(ValueError, match="'penalty' does not depend on theta"):
        minimise(DATA + SMOOTH, Held(Y))


def tiny_network() -> Network:
    return Network(lambda: nn.Conv2d(1, 1, 1), torch.ones(1, 1, 8, 8), shape=(1, 1, 8, 8))


@pytest.mark.parametrize(("solver", "make"), [("lbfgs", lambda: Y), ("adam", lambda: Y), ("auto", tiny_network)])
def test_inference_mode_is_refused_and_no_grad_is_lifted(solver, make):
    expected = minimise(DATA + SMOOTH, make(), solver=solver, steps=5)
    with torch.inference_mode(), pytest.raises(ValueError, match=r"inside of torch.inference_mode\(\) there are none"):
        minimise(DATA + SMOOTH, make(), solver=solver, steps=5)
    with torch.no_grad():
        trace = minimise(DATA + SMOOTH, make(), solver=solver, steps=5)
    assert torch.equal(trace.x, expected.x) and (expected.energy[-1] < expected.energy[0]).all()


@pytest.mark.parametrize(
    ("solver", "prior"), [("closed_form", Tikhonov()), ("proximal", TotalVariation()), ("admm", TotalVariation())]
)
def test_solvers_without_gradients_work_in_inference_mode(solver, prior):
    expected = minimise(DATA + 3.0 * prior, Y, solver=solver)
    with torch.inference_mode():
        trace = minimise(DATA + 3.0 * prior, Y, solver=solver)
    assert torch.equal(trace.x, expected.x) and trace.converged.all()


def test_training_without_gradients_is_refused():
    network, batch = nn.Linear(3, 1), (torch.ones(4, 3), torch.ones(4, 1))
    before = network.weight.detach().clone()
    with torch.no_grad(), pytest.raises(ValueError, match=r"torch.no_grad\(\) switches them off here"):
        fit(network, lambda step: batch, steps=2)
    with torch.inference_mode(), pytest.raises(ValueError, match=r"torch.inference_mode\(\)"):
        fit(network, lambda step: batch, steps=2)
    with pytest.raises(ValueError, match="'the loss' does not depend on the network's weights"):
        fit(network, lambda step: batch, steps=2, loss=lambda z, y: nn.functional.mse_loss(z.detach(), y))
    with pytest.raises(ValueError, match="'the loss' does not depend on the network's weights"):
        fit(network.requires_grad_(False), lambda step: batch, steps=2)
    assert torch.equal(network.weight, before)


def test_curvatures_and_fields_are_the_same_inside_no_grad():
    def loss(theta: torch.Tensor) -> torch.Tensor:
        return theta[0] ** 2 + 3 * theta[1] ** 2

    network, field = nn.Conv2d(1, 1, 3, bias=False), receptive_field([conv(1, 1, kernel=3)])
    expected = effective_field(network, torch.zeros(1, 1, 9, 9), field)
    with torch.no_grad():
        assert largest_curvature(loss, torch.zeros(2)) == pytest.approx(6.0)
        torch.testing.assert_close(effective_field(network, torch.zeros(1, 1, 9, 9), field), expected)
    with torch.inference_mode(), pytest.raises(ValueError, match="a curvature needs gradients"):
        largest_curvature(loss, torch.zeros(2))
    with pytest.raises(ValueError, match="'loss' does not depend on theta"):
        largest_curvature(lambda theta: theta.detach().square().sum(), torch.zeros(2))
    with pytest.raises(ValueError, match=r"'network\(x\)' does not depend on x"):
        effective_field(lambda x: network(x.detach()), torch.zeros(1, 1, 9, 9), field)


def test_dependence_is_found_through_views_hooks_and_checkpoints():
    x = torch.ones(2, 3, requires_grad=True)
    through = torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=False)
    check_depends({"itself": x, "view": x[0].view(3, 1), "checkpoint": through}, [x], on="x")
    with pytest.raises(ValueError, match="'other'"):
        check_depends({"view": x[0], "other": torch.ones(1, requires_grad=True) * 2}, [x], on="x")
