"""Minus an activation: the inner product written out, its gradient in closed form, the optimum of a linear map."""

import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import Activation, unit_direction
from deeprestore_lab.operators import Identity, MatrixOperator
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.priors import Tikhonov
from refusals import refused


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_value_and_gradient_are_those_of_the_inner_product():
    x, d, scale = normal(3, 2, 4, 5).requires_grad_(), normal(3, 2, 4, 5, seed=1), torch.tensor([1.0, 2.0, 0.5])
    energy = Activation(Identity(), d, scale=scale)
    expected = -torch.einsum("nchw,nchw->n", x, d) / scale
    torch.testing.assert_close(energy(x), expected)
    (gradient,) = torch.autograd.grad(energy(x).sum(), x)
    torch.testing.assert_close(gradient, -d / scale.reshape(-1, 1, 1, 1))


def test_one_direction_serves_a_batch_and_a_batch_of_them_a_picture_each():
    x = normal(3, 2, 4, 5)
    d = unit_direction((2, 4, 5), [0, 1, 1], position=(3, 2)).double()
    torch.testing.assert_close(Activation(Identity(), d)(x), -x[[0, 1, 2], [0, 1, 1], 3, 2])
    torch.testing.assert_close(Activation(Identity(), d[:1])(x), -x[:, 0, 3, 2])


def test_the_mean_of_a_channel():
    x = normal(2, 3, 4, 5)
    d = unit_direction((3, 4, 5), 2, position="mean").double()
    torch.testing.assert_close(Activation(Identity(), d)(x), -x[:, 2].mean((1, 2)), rtol=1e-6, atol=1e-6)


def test_with_a_quadratic_prior_the_optimum_of_a_linear_unit_is_its_own_filter():
    """-<w, x>/s + lambda/2 ||x - m||^2 has its minimum at m + w / (s lambda)."""
    w = normal(1, 12)
    unit = MatrixOperator(w, (1, 3, 4), (1, 1, 1))
    energy = Activation(unit, torch.ones(1, 1, 1, 1, dtype=torch.float64), scale=2.0) + 4.0 * Tikhonov("identity")
    found = minimise(energy, Pixels(torch.zeros(1, 1, 3, 4, dtype=torch.float64)), solver="lbfgs", progress=False).x
    centre = found - w.reshape(1, 1, 3, 4) / 8
    torch.testing.assert_close(centre, centre.mean() * torch.ones_like(centre), rtol=0, atol=1e-7)


def test_a_caricature_of_a_linear_layer_grows_along_its_own_answer():
    x0 = normal(1, 1, 3, 4)
    matrix = normal(5, 12, seed=2)
    phi = MatrixOperator(matrix, (1, 3, 4), (5, 1, 1))
    x = x0.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(Activation(phi, phi(x0))(x).sum(), x)
    torch.testing.assert_close(gradient.flatten(), -matrix.T @ matrix @ x0.flatten())


test_what_does_not_fit_is_refused = refused(
    (lambda: Activation(3, torch.ones(1, 2)), "phi must be callable"),
    (lambda: Activation(Identity(), torch.ones(3)), "batch dimension"),
    (lambda: Activation(Identity(), torch.zeros(1, 1, 2, 2)), "not all zero"),
    (lambda: Activation(Identity(), torch.full((1, 1, 2, 2), torch.nan)), "finite"),
    (lambda: Activation(Identity(), torch.ones(1, 1, 2, 2), scale=0.0), "above 0"),
    (lambda: Activation(Identity(), torch.ones(1, 1, 2, 2))(torch.ones(1, 1, 2, 3)), "the direction has shape"),
    (lambda: unit_direction((2, 3), 0), r"\(C, h, w\) or \(C,\)"),
    (lambda: unit_direction((2, 3, 3), 2), "a channel"),
    (lambda: unit_direction((2, 3, 3), []), "at least one"),
    (lambda: unit_direction((2, 3, 3), 0, position=(3, 0)), "below"),
    (lambda: unit_direction((2, 3, 3), 0, position="middle"), "'centre' or 'mean'"),
)
