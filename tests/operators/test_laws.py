"""Laws that every linear operator keeps, over shapes, channels and batches, in float64."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deeprestore_lab.operators import (
    Blur,
    ConvolutionLayer,
    Crop,
    Downsample,
    FourierFilter,
    Gradient,
    Identity,
    LinearOperator,
    Mask,
    MatrixOperator,
    as_matrix,
    check_adjoint,
)
from deeprestore_lab.operators.downsample import BORDERS as RESIZE_BORDERS
from deeprestore_lab.operators.downsample import KERNELS
from deeprestore_lab.signal.convolution import BORDERS, frequency_counts, from_basis, gaussian_kernel, to_basis

KINDS = ("identity", "mask", "crop", "gradient", "blur", "symmetric blur", "downsample", "matrix", "filter", "layer")
SAME_SHAPE = ("identity", "mask", "blur", "symmetric blur", "filter")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def build(draw, kind: str, shape: tuple[int, int, int, int], seed: int) -> LinearOperator:
    """An operator of the kind for image batches of the shape."""
    n, c, h, w = shape
    if kind == "identity":
        return Identity()
    if kind == "mask":
        mask_shape = draw(st.sampled_from([(h, w), (1, h, w), (c, h, w), (1, c, h, w)]))
        weights = random(*mask_shape, seed=seed).abs()
        return Mask(weights > 0.5 if draw(st.booleans()) else weights)
    if kind == "crop":
        return Crop(draw(st.integers(0, (min(h, w) - 1) // 2)))
    if kind == "gradient":
        return Gradient(border=draw(st.sampled_from(["neumann", "circular"])))
    if kind == "blur":
        size = (draw(st.integers(1, min(h, 4))), draw(st.integers(1, min(w, 4))))
        channels = draw(st.sampled_from([(), (1,), (c,)]))
        return Blur(random(*channels, *size, seed=seed), border=draw(st.sampled_from(BORDERS)))
    if kind == "symmetric blur":
        return Blur(gaussian_kernel(0.9, size=3, dtype=torch.float64), border=draw(st.sampled_from(BORDERS)))
    if kind == "downsample":
        factor = draw(st.sampled_from([f for f in (2, 3, 4) if h % f == 0 and w % f == 0]))
        return Downsample(factor, kernel=draw(st.sampled_from(KERNELS)), border=draw(st.sampled_from(RESIZE_BORDERS)))
    if kind == "layer":
        kernels = random(draw(st.integers(1, 3)), c, *draw(st.sampled_from([(3, 3), (2, 3), (1, 4)])), seed=seed)
        border = draw(st.sampled_from(["zero", "circular"]))
        stride = tuple(draw(st.sampled_from([t for t in (1, 2, 3) if side % t == 0])) for side in (h, w))
        return ConvolutionLayer(kernels, size=(h, w), stride=stride, border=border)
    if kind == "matrix":
        out_shape = draw(st.sampled_from([(2, 3, 3), (4,), (c, h, w)]))
        return MatrixOperator(random(int(np.prod(out_shape)), c * h * w, seed=seed), (c, h, w), out_shape)
    autocovariance = random(h, w, seed=seed)
    return FourierFilter(torch.fft.rfft2(autocovariance).abs(), size=(h, w))


@st.composite
def operator_and_image(draw, *, composed: bool | None = None, kinds=KINDS):
    kind = draw(st.sampled_from(kinds))
    shape = (
        draw(st.integers(1, 3)),
        draw(st.sampled_from([1, 2, 3])),
        *draw(st.sampled_from([(6, 8), (9, 6), (8, 4)])),
    )
    if kind != "downsample" and draw(st.booleans()):
        shape = (*shape[:2], 5, 7)
    seed = draw(st.integers(0, 999))
    operator = build(draw, kind, shape, seed)
    if draw(st.booleans()) if composed is None else composed:
        operator = operator @ build(draw, draw(st.sampled_from(SAME_SHAPE)), shape, seed + 1)
    return operator, random(*shape, seed=seed + 2)


laws = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@laws
@given(operator_and_image())
def test_the_adjoint(pair):
    A, x = pair
    check_adjoint(A, x, tolerance=1e-12)


@laws
@given(operator_and_image(), st.floats(-3, 3))
def test_linearity(pair, factor):
    A, x = pair
    other = random(*x.shape, seed=6)
    torch.testing.assert_close(A(x + factor * other), A(x) + factor * A(other), atol=1e-11, rtol=1e-11)


@laws
@given(operator_and_image())
def test_an_image_alone_gives_the_same(pair):
    A, x = pair
    torch.testing.assert_close(A(x[-1:]), A(x)[-1:], atol=1e-13, rtol=1e-12)
    y = A(x)
    torch.testing.assert_close(A.adjoint(y[-1:]), A.adjoint(y)[-1:], atol=1e-13, rtol=1e-12)


@laws
@given(operator_and_image(), st.floats(1e-3, 10))
def test_the_exact_solve(pair, rho):
    A, x = pair
    if not A.has_solve:
        with pytest.raises(NotImplementedError, match="no exact solve"):
            LinearOperator.solve(A, x, rho)
        return
    per_image = rho * torch.arange(1, len(x) + 1, dtype=torch.float64)
    solution = A.solve(x, per_image)
    residual = A.adjoint(A(solution)) + per_image.reshape(-1, 1, 1, 1) * solution - x
    largest = float(torch.as_tensor(A.norm(x)).max()) ** 2 + float(
        per_image.max()
    )  # of A*A + rho I: rounding is relative to it
    assert float(residual.norm()) <= 1e-13 * largest * float(solution.norm())
    alone = A.solve(x[:1], rho) - solution[:1]
    assert float(alone.norm()) <= 1e-13 * largest / rho * float(solution[:1].norm())


@laws
@given(operator_and_image(), st.sampled_from(["fft", "dct"]))
def test_normal_eigenvalues_diagonalise_the_normal_operator(pair, basis):
    A, x = pair
    eigenvalues = A.normal_eigenvalues(x, basis)
    assert A.normal_basis != basis or eigenvalues is not None
    assume(eigenvalues is not None)
    through_the_basis = from_basis(eigenvalues * to_basis(x, basis), basis, x)
    torch.testing.assert_close(through_the_basis, A.adjoint(A(x)), atol=1e-11, rtol=1e-11)
    dense = as_matrix(A, tuple(x.shape[1:])).numpy()
    values = eigenvalues.expand_as(to_basis(x[:1], basis))
    counts = frequency_counts(x.shape[-1]) if basis == "fft" else torch.ones(x.shape[-1])
    repeated = values.repeat_interleave(counts.long(), dim=-1).flatten().sort().values
    np.testing.assert_allclose(repeated, np.linalg.eigvalsh(dense.T @ dense), atol=1e-10, rtol=1e-10)


@laws
@given(operator_and_image())
def test_the_norm_is_an_upper_bound(pair):
    A, x = pair
    largest = np.linalg.svd(as_matrix(A, tuple(x.shape[1:])).numpy(), compute_uv=False)[0]
    assert (torch.as_tensor(A.norm(x)) >= largest * (1 - 1e-12)).all()


@laws
@given(operator_and_image(composed=False, kinds=("mask", "crop", "gradient", "symmetric blur", "downsample", "filter")))
def test_the_norm_is_not_far_above(pair):
    A, x = pair
    largest = np.linalg.svd(as_matrix(A, tuple(x.shape[1:])).numpy(), compute_uv=False)[0]
    assert (torch.as_tensor(A.norm(x)) <= 1.15 * largest + 1e-12).all()


@laws
@given(operator_and_image(composed=False))
def test_single_precision_stays_single(pair):
    A, x = pair
    y = A(x.float())
    assert y.dtype == torch.float32 == A.adjoint(y).dtype
    torch.testing.assert_close(y.double(), A(x), atol=1e-4, rtol=1e-4)
    if A.has_solve:
        assert A.solve(x.float(), 1.0).dtype == torch.float32


@laws
@given(operator_and_image())
def test_gradients_flow(pair):
    A, x = pair
    x = x.clone().requires_grad_()
    y = A(x)
    z = random(*y.shape, seed=8)
    (gradient,) = torch.autograd.grad((y * z).sum(), x)
    torch.testing.assert_close(gradient, A.adjoint(z), atol=1e-11, rtol=1e-11)
