"""The two-loop recursion against the inverse Hessian written out as a matrix, update by update."""

import numpy as np
import pytest
import torch

from deeprestore_lab.solve.two_loop import Pair, direction

IMAGES, SIZE, COUNT = 4, 6, 3


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def steps() -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Steps, changes of the gradient of a square, and who moved: image 1 not at the last step, image 3 never.

    The last change of image 2 has the wrong sign.
    """
    root = normal(IMAGES, SIZE, SIZE, seed=1)
    hessian = root @ root.mT + torch.eye(SIZE, dtype=torch.float64)
    found = []
    for k in range(COUNT):
        s, moved = normal(IMAGES, SIZE, seed=2 + k), torch.tensor([True, k < COUNT - 1, True, False])
        y = (hessian @ s[..., None])[..., 0]
        if k == COUNT - 1:
            y[2] *= -1
        found.append((s, y, moved))
    return found


def inverse_hessian(pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """BFGS from (s.y / y.y) I of the latest pair (Nocedal & Wright 2006, equations 6.17 and 7.20)."""
    if not pairs:
        return np.eye(SIZE)
    s, y = pairs[-1]
    h = s @ y / (y @ y) * np.eye(SIZE)
    for s, y in pairs:
        turn = np.eye(SIZE) - np.outer(s, y) / (s @ y)
        h = turn @ h @ turn.T + np.outer(s, s) / (s @ y)
    return h


@pytest.mark.parametrize("held", [False, True])
def test_it_is_minus_the_inverse_hessian_of_bfgs_times_the_gradient(held):
    g = normal(IMAGES, SIZE, seed=9)
    free = normal(IMAGES, SIZE, seed=10) > -0.5 if held else torch.ones(IMAGES, SIZE, dtype=torch.bool)
    assert bool(free.all()) != held
    found, known = direction(g, [Pair.make(*own) for own in steps()], free if held else None)
    for image in range(IMAGES):
        part = free[image].numpy()
        pairs = [(s[image].numpy() * part, y[image].numpy() * part) for s, y, moved in steps() if moved[image]]
        pairs = [(s, y) for s, y in pairs if s @ y > 0]
        assert held or len(pairs) == [COUNT, COUNT - 1, COUNT - 1, 0][image]
        assert bool(known[image]) == bool(pairs)
        expected = -inverse_hessian(pairs) @ (g[image].numpy() * part) * part
        np.testing.assert_allclose(found[image], expected, rtol=1e-10, atol=1e-12)
