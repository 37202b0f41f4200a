"""Lanczos' estimate of a largest eigenvalue against Rayleigh and Ritz on the same space, and the norm made of it."""

import torch

from deeprestore_lab.operators import LinearOperator
from deeprestore_lab.operators.lanczos import largest_ritz_values


class Scaled(LinearOperator):
    """Each pixel by a number of its own; it keeps to itself that it is diagonal."""

    def __init__(self, numbers: torch.Tensor) -> None:
        self.numbers = numbers

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return self.numbers * x

    adjoint = apply


def even(count: int, side: int) -> Scaled:
    return Scaled(torch.linspace(0, 1, count, dtype=torch.float64).sqrt().reshape(1, 1, side, -1))


def test_it_is_the_largest_ritz_value_of_the_krylov_space():
    A, x, steps = even(60, 6), torch.zeros(1, 1, 6, 10, dtype=torch.float64), 5
    start = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).double().flatten()
    squared = A.numbers.square().flatten()  # the eigenvalues of A*A
    krylov = torch.stack([squared**power * start for power in range(steps)], dim=1)
    basis = torch.linalg.qr(krylov).Q
    expected = torch.linalg.eigvalsh(basis.mT @ (squared[:, None] * basis))[-1]
    torch.testing.assert_close(largest_ritz_values(A, x, steps=steps), expected[None], rtol=1e-9, atol=0)


def test_the_norm_is_not_below_the_largest_number_where_the_estimate_is():
    """Eigenvalues that lie evenly: thirty steps do not reach the last of 10,000."""
    A, x = even(10_000, 100), torch.zeros(1, 1, 100, 100, dtype=torch.float64)
    assert largest_ritz_values(A, x) ** 0.5 < 0.9999
    assert 1 <= A.norm(x) < 1.05


def test_each_image_of_a_batch_has_the_norm_that_it_has_alone():
    """Where the numbers differ between images; of the third, which is 0, the space is exhausted at once."""
    numbers = torch.rand(4, 1, 6, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    numbers = numbers * torch.tensor([0.1, 3.0, 0.0, 1.0]).reshape(4, 1, 1, 1)
    found = Scaled(numbers).norm(torch.zeros_like(numbers))
    for i, own in enumerate(numbers.split(1)):
        torch.testing.assert_close(float(found[i]), Scaled(own).norm(torch.zeros_like(own)))
    largest = numbers.flatten(1).amax(1)
    assert (found >= largest).all() and (found <= 1.0501 * largest).all()
