"""The fully connected network against matrix products in NumPy."""

import numpy as np
import pytest
import torch

from deeprestore_lab.networks import MLP


@pytest.mark.parametrize("widths", [[3, 2], [3, 7, 2], [3, 7, 5, 4, 2]])
def test_layers_are_products_with_zero_as_the_floor_between_them(widths):
    net = MLP(widths).double()
    x = torch.rand(4, 6, 3, dtype=torch.float64) - 0.5
    h = x.numpy()
    parameters = [p.detach().numpy() for p in net.parameters()]
    for k, (W, b) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
        h = h @ W.T + b
        h = h if k == len(widths) - 2 else np.maximum(h, 0)
    np.testing.assert_allclose(net(x).detach(), h, atol=1e-12)
    assert sum(p.size for p in parameters) == sum((i + 1) * o for i, o in zip(widths[:-1], widths[1:], strict=True))


def test_weights_start_within_the_stated_bound_and_fill_it():
    weight = MLP([100, 400])[0].weight
    assert weight.abs().max() <= 0.1 and weight.abs().max() > 0.099
    assert abs(weight.std() - 0.1 / 3**0.5) < 1e-3  # of a uniform distribution


@pytest.mark.parametrize(
    ("widths", "message"),
    [([3], r"widths of its input and its output at least, got \[3\]"), ([], "got"), ([3, 0], "a width"),
     ([2.5, 3], "a width")],
)  # fmt: skip
def test_bad_widths_are_named(widths, message):
    with pytest.raises(ValueError, match=message):
        MLP(widths)
