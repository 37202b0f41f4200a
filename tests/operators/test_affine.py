"""Affine views against SciPy's interpolation, torch's flips and turns, and the laws of a linear operator."""

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from deeprestore_lab.operators import Affine, Jitter, RandomRotation, RandomScale, RandomView, RandomViews
from refusals import refused


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("A", [Affine.turned(17.0), Affine.scaled(1.3), Affine.scaled(0.8), Affine.moved(1.5, -2)])
@pytest.mark.parametrize("size", [(9, 9), (8, 11)])
def test_as_scipy_interpolates_it(A, size):
    x = normal(1, 1, *size)
    centre = (np.array(size) - 1) / 2
    matrix = A.matrix.numpy()
    offset = centre + matrix[:, 2] - matrix[:, :2] @ centre
    expected = affine_transform(x[0, 0].numpy(), matrix[:, :2], offset, order=1, mode="reflect")
    torch.testing.assert_close(A(x)[0, 0], torch.from_numpy(expected), rtol=0, atol=1e-9)


def test_quarter_turns_whole_pixels_and_none():
    x = normal(2, 3, 6, 6)
    torch.testing.assert_close(Affine.turned(90)(x), torch.rot90(x, 1, (2, 3)), rtol=0, atol=1e-6)
    torch.testing.assert_close(Affine.moved(2, -1)(x)[..., 2:, :-1], x[..., :-2, 1:], rtol=0, atol=1e-9)
    torch.testing.assert_close(Affine.turned(0)(x), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [(7, 7), (6, 9)])
def test_the_adjoint_linearity_and_alone_as_in_a_batch(size):
    A, x, y = (
        Affine.turned(20) @ Affine.scaled(1.2) @ Affine.moved(1, 2),
        normal(3, 2, *size),
        normal(3, 2, *size, seed=1),
    )
    torch.testing.assert_close((A(x) * y).sum(), (x * A.adjoint(y)).sum())
    torch.testing.assert_close(A(2 * x - y), 2 * A(x) - A(y))
    assert torch.equal(A(x)[1:2], A(x[1:2]))


def test_a_product_acts_in_turn_on_pictures_that_are_smooth():
    """Away from the border and from interpolation's own blur: on a linear ramp bilinear values are exact."""
    rows, columns = torch.meshgrid(torch.arange(21.0), torch.arange(21.0), indexing="ij")
    ramp = (3 * rows - 2 * columns)[None, None].double()
    a, b = Affine.turned(10), Affine.moved(2, 1)
    inside = (..., slice(6, -6), slice(6, -6))
    torch.testing.assert_close((a @ b)(ramp)[inside], a(b(ramp))[inside], rtol=1e-6, atol=1e-5)
    torch.testing.assert_close((b @ a)(ramp)[inside], b(a(ramp))[inside], rtol=1e-6, atol=1e-5)


def test_draws_follow_their_laws_and_the_generator_alone():
    draw = torch.Generator().manual_seed(0)
    shifts = torch.stack([Jitter(3).draw(draw).matrix[:, 2] for _ in range(400)])
    assert sorted(shifts.unique().tolist()) == [-3, -2, -1, 0, 1, 2, 3]
    factors = torch.stack([1 / RandomScale(0.2).draw(draw).matrix[0, 0] for _ in range(400)])
    assert 0.8 <= factors.min() < 0.82 and 1.18 < factors.max() <= 1.2 and abs(factors.mean() - 1) < 0.02
    angles = torch.stack([torch.atan2(m[0, 1], m[0, 0]).rad2deg() for m in draws(RandomRotation(10), draw)])
    assert -10 <= angles.min() < -9 and 9 < angles.max() <= 10 and abs(angles.mean()) < 1
    laws = RandomRotation(10) @ RandomScale(0.1) @ Jitter(8)
    same = [laws.draw(torch.Generator().manual_seed(4)).matrix for _ in range(2)]
    assert torch.equal(*same)


def draws(law: RandomView, generator: torch.Generator) -> list[torch.Tensor]:
    return [law.draw(generator).matrix for _ in range(400)]


def test_a_product_of_laws_draws_the_product_of_their_draws():
    laws = RandomRotation(30) @ Jitter(4)
    assert isinstance(laws, RandomViews) and repr(laws) == "RandomRotation(30) @ Jitter(4)"
    one, two = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    moved = Jitter(4).draw(two)
    turned = RandomRotation(30).draw(two)
    torch.testing.assert_close(laws.draw(one).matrix, (turned @ moved).matrix)


test_what_does_not_fit_is_refused = refused(
    (lambda: Affine(torch.eye(3)), r"\(2, 3\)"),
    (lambda: Affine(torch.full((2, 3), torch.inf)), "finite"),
    (lambda: Affine.scaled(0.0), "above 0"),
    (lambda: Jitter(-1), "in pixels"),
    (lambda: Jitter(1.5), "in pixels"),
    (lambda: RandomScale(1.0), "share of the size"),
    (lambda: RandomRotation(200), "degrees"),
    (lambda: RandomRotation(True), "degrees"),
    (lambda: RandomViews([]), "at least one"),
    (lambda: RandomViews([Affine.turned(3)]), "random views"),
)
