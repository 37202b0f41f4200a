"""Rolling by a shift on the device against torch's own roll, values and gradients."""

import pytest
import torch

from deeprestore_lab.solve.perturbation import gathered, rolled


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-7, 11), (1, 5)])
def test_rolls_as_torch_does(shift):
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    expected = torch.roll(x, shift, dims=(-2, -1))
    g = torch.randn_like(x)
    for roll in (rolled, gathered):
        ours = roll(x, torch.tensor(shift))
        assert torch.equal(ours, expected)
        assert torch.equal(*(torch.autograd.grad(y, x, g, retain_graph=True)[0] for y in (ours, expected)))


def test_away_from_the_cpu_the_shift_is_not_read():
    assert rolled(torch.empty(1, 1, 4, 4, device="meta"), torch.empty(2, device="meta").long()).shape == (1, 1, 4, 4)
