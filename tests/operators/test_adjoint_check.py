"""The check of an adjoint: it passes what is right and names what is wrong, by how much."""

import pytest
import torch

from deeprestore_lab.operators import FourierMask, Gradient, LinearOperator, Mask, check_adjoint


class Summed(LinearOperator):
    """Sums from the left; its transpose sums from the right."""

    def __init__(self, right):
        self.right = right

    def apply(self, x):
        return x.cumsum(-1)

    def adjoint(self, y):
        return y.flip(-1).cumsum(-1).flip(-1) if self.right else y.cumsum(-1)


class Narrow(Summed):
    def adjoint(self, y):
        return y[..., 1:]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_right_passes(dtype):
    x = torch.zeros(2, 3, 16, 12, dtype=dtype)
    for A in (Summed(True), Gradient(), FourierMask(torch.rand(16, 12)), Mask(torch.zeros(16, 12))):
        assert check_adjoint(A, x) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_wrong_is_named_with_its_size(dtype):
    x = torch.zeros(2, 1, 16, 16, dtype=dtype)
    with pytest.raises(ValueError, match=r"the adjoint of summed is not its transpose: .* differ by 0\.\d+ .* allowed"):
        check_adjoint(Summed(False), x)
    with pytest.raises(ValueError, match="must give a float.. tensor of shape .2, 1, 16, 16."):
        check_adjoint(Narrow(True), x)
    check_adjoint(Summed(False), x, tolerance=1.0)  # nothing differs by more
    with pytest.raises(ValueError, match="must be a LinearOperator"):
        check_adjoint(lambda x: x, x)


def test_one_wrong_image_of_a_batch_is_seen():
    class Each(Mask):
        def adjoint(self, y):
            return torch.tensor([1.0, 1.001]).reshape(2, 1, 1, 1) * super().adjoint(y)

    with pytest.raises(ValueError, match="adjoint of each"):
        check_adjoint(Each(torch.ones(8, 8)), torch.zeros(2, 1, 8, 8))
