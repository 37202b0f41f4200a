"""The identity, compositions, and the norm of an operator that gives nothing but itself and its adjoint."""

import numpy as np
import pytest
import torch

from deeprestore_lab import minimise
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import (
    Blur,
    Downsample,
    Gradient,
    Identity,
    LinearOperator,
    Mask,
    Operator,
    as_matrix,
    compose,
)
from deeprestore_lab.priors import Tikhonov
from deeprestore_lab.signal.convolution import gaussian_kernel


class Plain(LinearOperator):
    """A linear operator that defines the two verbs it must."""

    def __init__(self, inner: LinearOperator) -> None:
        self.inner = inner

    def apply(self, x):
        return self.inner.apply(x)

    def adjoint(self, y):
        return self.inner.adjoint(y)


class Square(Operator):
    def apply(self, x):
        return x.square()


@pytest.mark.parametrize(
    "inner", [Gradient(), Blur(torch.tensor([[0.1, 0.9, -0.3]]), border="replicate"), Downsample(2), Identity()]
)
@pytest.mark.parametrize("size", [(4, 6), (16, 20)])
def test_the_norm_without_eigenvalues_bounds_the_largest_singular_value(inner, size):
    x = torch.rand(3, 1, *size, dtype=torch.float64)
    largest = np.linalg.svd(as_matrix(inner, (1, *size)).numpy(), compute_uv=False)[0]
    found = Plain(inner).norm(x)
    assert found.shape == (3,) and (found >= largest).all() and (found <= 1.0501 * largest).all()


def test_the_norm_of_a_null_operator_is_zero():
    assert Plain(Mask(torch.zeros(4, 4))).norm(torch.rand(1, 1, 4, 4)) == 0


def test_composition_applies_the_inner_one_first():
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    mask, blur = Mask(torch.rand(8, 8) > 0.5), Blur(gaussian_kernel(0.7, size=3))
    torch.testing.assert_close((mask @ blur)(x), mask(blur(x)))
    torch.testing.assert_close((Downsample(2) @ mask @ blur)(x), Downsample(2)(mask(blur(x))))
    assert (Downsample(2) @ blur).name == "downsample of blur"


def test_the_identity_disappears_from_compositions():
    blur = Blur(torch.ones(1, 1))
    assert compose(blur, Identity()) is blur
    assert compose(Identity(), blur) is blur


def test_a_composition_with_an_operator_that_is_not_linear_has_no_adjoint():
    both = Mask(torch.ones(2, 2)) @ Square()
    assert not both.linear
    assert both(torch.full((1, 1, 2, 2), 3.0)).tolist() == [[[[9.0, 9.0], [9.0, 9.0]]]]
    with pytest.raises(TypeError):
        Mask(torch.ones(2, 2)) @ torch.ones(2, 2)


def test_which_compositions_can_be_solved():
    symmetric = gaussian_kernel(0.7, size=3)
    circular, reflected = Blur(symmetric), Blur(symmetric, border="reflect")
    assert (circular @ circular).normal_basis == "fft"
    assert (Gradient() @ reflected).normal_basis == "dct"
    assert (Gradient() @ circular).normal_basis is None
    assert not (circular @ reflected).has_solve
    assert not (Mask(torch.ones(4, 4)) @ circular).has_solve


def test_an_image_that_is_none_is_refused():
    with pytest.raises(ValueError, match="shape \\(N, C, H, W\\)"):
        Identity()(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="rho must be a finite number above 0"):
        Blur(torch.ones(1, 1)).solve(torch.zeros(1, 1, 2, 2), 0.0)


def test_an_operator_with_parameters_stands_before_the_module():
    class Gain(LinearOperator, torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = torch.nn.Parameter(torch.tensor(2.0))

        def apply(self, x):
            return self.gain * x

        def adjoint(self, y):
            return self.gain * y

    x = torch.rand(1, 1, 2, 2)
    assert torch.equal((Gain() @ Identity())(x), 2 * x) and len(list(Gain().parameters())) == 1
    with pytest.raises(TypeError, match=r"class Wrong\(LinearOperator, nn.Module\)"):
        type("Wrong", (torch.nn.Module, LinearOperator), {})


class Shuffle(LinearOperator):
    """Pixels in another order: A*A is the identity, diagonal in every basis, and A itself in none."""

    normal_basis = "fft"

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(-2)[..., torch.randperm(x[0, 0].numel(), generator=torch.Generator().manual_seed(0))].view_as(
            x
        )

    def normal_eigenvalues(self, x: torch.Tensor, basis: str) -> torch.Tensor | None:
        return x.new_ones(1, 1, 1, 1)


def test_a_composition_is_diagonal_where_the_inner_operator_is_and_not_where_only_its_normal_operator_is():
    blur = Blur(gaussian_kernel(1.0, size=3))
    assert (blur @ blur).normal_basis == "fft" and (blur @ blur).has_solve
    assert (blur @ Shuffle()).normal_basis is None
    with pytest.raises(NotImplementedError, match="no exact solve"):
        (blur @ Shuffle()).solve(torch.rand(1, 1, 4, 4), 0.1)


def test_what_a_linear_operator_of_ones_own_lacks_is_named():
    class Halved(LinearOperator):
        def apply(self, x):
            return x / 2

    class Diagonal(Halved):
        diagonal_basis = "fft"

        def adjoint(self, y):
            return y / 2

    x = torch.rand(1, 1, 4, 4)
    with pytest.raises(ValueError, match="Halved is a LinearOperator and does not define adjoint"):
        Halved().adjoint(x)
    for solver in ("auto", "closed_form", "admm"):
        with pytest.raises(ValueError, match="does not define adjoint"):
            minimise(GaussianLikelihood(Halved(), x, sigma=0.1) + Tikhonov(), x, solver=solver)
    with pytest.raises(ValueError, match="normal_eigenvalues there gives None"):
        Diagonal().solve(x, 1.0)
    assert (Diagonal() @ Diagonal()).normal_eigenvalues(x, "fft") is None
