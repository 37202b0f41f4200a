import pytest
import torch

from deeprestore_lab import backbones
from deeprestore_lab.backbones.lean import LeanRepresentation
from deeprestore_lab.operators import LinearOperator, MatrixOperator
from deeprestore_lab.solve.gauss_newton import gauss_newton, mean_eigenvalue


@pytest.fixture(scope="module")
def network():
    return backbones.load("vgg_mini", "random", seed=1)


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def jacobian(phi, x):
    """The whole matrix of a linear layer, by autograd."""
    return torch.autograd.functional.jacobian(phi, x).reshape(-1, x.numel())


def test_a_step_on_a_linear_layer_is_the_damped_least_squares_solution(network):
    phi, x = LeanRepresentation(network, "conv1_1"), drawn(1, 3, 6, 6)
    target = phi(drawn(1, 3, 6, 6, seed=1))
    J = jacobian(network.at("conv1_1"), x).double()
    mu = 0.05 * float(mean_eigenvalue(phi.linearised(x), x))
    r = (phi(x) - target).flatten().double()
    d = torch.linalg.solve(J.T @ J + mu * torch.eye(J.shape[1], dtype=torch.float64), -J.T @ r)
    path = gauss_newton(phi, target, x, steps=1, inner=60, damping=0.05)
    torch.testing.assert_close((path.x - x).flatten().double(), d, rtol=0, atol=1e-2 * float(d.abs().max()))
    assert float(path.kept_promise[0]) == pytest.approx(1.0, abs=1e-3)  # the model is exact
    left = (r + J @ d).square().sum() / target.double().square().sum()
    assert float(path.error[1]) == pytest.approx(float(left), rel=1e-2)


class Claimed(LinearOperator):
    """The identity at x, which takes its Jacobian to be `share` times itself, of each image another."""

    def __init__(self, share: torch.Tensor, x: torch.Tensor | None = None) -> None:
        self.share, self.value = share.view(-1, 1, 1, 1), x

    def linearised(self, x):
        return Claimed(self.share, x)

    def apply(self, x):
        return self.share * x

    adjoint = apply


def test_the_damping_follows_what_each_picture_keeps_of_the_promise():
    """The step is -r / (share (1 + mu)), r the residual; promised is |r|^2 (1 - mu^2 / (1 + mu)^2)."""
    share, mu = torch.tensor([1.0, 0.55, 0.52, 0.4], dtype=torch.float64), 0.01
    x, target = drawn(4, 3, 2, 2).double(), drawn(4, 3, 2, 2, seed=1).double()
    path = gauss_newton(Claimed(share), target, x, steps=2, damping=mu)
    left = (1 - 1 / (share * (1 + mu))).square()
    kept = (1 - left) / (1 - (mu / (1 + mu)) ** 2)
    assert (kept > 0.5).tolist() == [True, False, False, False] and (kept < 0.25).tolist() == [False, False, True, True]
    torch.testing.assert_close(path.kept_promise[0], kept)
    torch.testing.assert_close(path.damping[1] / path.damping[0], torch.tensor([1 / 3, 1.0, 4.0, 4.0]).double())
    torch.testing.assert_close(path.error[1] / path.error[0], left.clamp_max(1))  # a step that raises it is not taken


class Matrix(MatrixOperator):
    """A map that is linear, with its value at x."""

    def linearised(self, x):
        own = Matrix(self.matrix, self.in_shape, self.out_shape)
        own.value = own.apply(x)
        return own


def test_values_at_a_bound_that_would_leave_do_not_take_part():
    """One step against dense algebra on the others alone, cut off at the bounds."""
    matrix = torch.randn(16, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 4
    x, mu = drawn(1, 3, 2, 2).double().flatten(), 0.1
    x[:4], x[4:8] = 0.0, 1.0
    phi, target = Matrix(matrix, (3, 2, 2), (16,)), matrix @ (2 * drawn(12, seed=1).double() - 0.5)
    slope = matrix.T @ (matrix @ x - target)
    held = ((x == 0) & (slope > 0)) | ((x == 1) & (slope < 0))
    assert all(held[part].any() and not held[part].all() for part in (slice(0, 4), slice(4, 8)))
    damped = mu * float(mean_eigenvalue(phi, x.view(1, 3, 2, 2)))
    some, d = matrix[:, ~held], torch.zeros(12, dtype=torch.float64)
    d[~held] = torch.linalg.solve(some.T @ some + damped * torch.eye(some.shape[1]), -slope[~held])
    expected = (x + d).clamp(0, 1)
    path = gauss_newton(phi, target[None], x.view(1, 3, 2, 2), steps=1, inner=60, damping=mu, bounds=(0, 1))
    torch.testing.assert_close(path.x.flatten(), expected, rtol=0, atol=2e-3)
    assert torch.equal(path.x.flatten()[held], x[held])


def test_errors_never_rise_and_each_picture_goes_its_own_way(network):
    phi, x = LeanRepresentation(network, "relu2_1"), drawn(2, 3, 12, 12, seed=2)
    target = phi(drawn(2, 3, 12, 12, seed=3))
    path = gauss_newton(phi, target, x, steps=5, inner=6, bounds=(0, 1))
    assert bool((path.error.diff(dim=0) <= 0).all()) and bool((path.error[-1] < path.error[0]).all())
    assert 0 <= float(path.x.min()) and float(path.x.max()) <= 1
    alone = gauss_newton(phi, target[1:], x[1:], steps=1, inner=6, damping=1e-2, bounds=(0, 1))
    assert alone.error.shape == (2, 1) and path.damping.shape == (5, 2)
    torch.testing.assert_close(alone.error[0], path.error[0, 1:])


def test_the_mean_eigenvalue_is_the_trace_over_the_number(network):
    phi, x = LeanRepresentation(network, "conv1_1"), drawn(1, 3, 8, 8)
    J = jacobian(network.at("conv1_1"), x)
    mean = float(J.square().sum()) / x.numel()
    found = [float(mean_eigenvalue(phi.linearised(x), x, seed=seed)) for seed in range(40)]
    assert sum(found) / 40 == pytest.approx(mean, rel=0.15)


def test_what_cannot_be_made_linear_is_refused(network):
    x = drawn(1, 3, 8, 8)
    with pytest.raises(ValueError, match="linearised"):
        gauss_newton(network.at("relu1_1"), x, x)
    with pytest.raises(ValueError, match="damping"):
        gauss_newton(LeanRepresentation(network, "relu1_1"), drawn(1, 16, 8, 8), x, damping=0.0)


@pytest.mark.parametrize("wrong", [torch.zeros(1, 3, 4, 4), torch.rand(1, 3, 1, 1), torch.rand(3, 3, 4, 4)])
def test_a_target_that_does_not_fit_is_refused(wrong):
    with pytest.raises(ValueError, match="target"):
        gauss_newton(Claimed(torch.ones(2)), wrong, drawn(2, 3, 4, 4), steps=1)
