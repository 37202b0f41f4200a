"""What gradients cost, in multiply-adds: by the recursion, one parameter at a time, and with whole matrices."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from deeprestore_lab.training.backpropagation.base import Layer
from deeprestore_lab.training.backpropagation.recursion import activations


@dataclass(frozen=True)
class Cost:
    """Multiply-adds of one layer: of its output, of u J, and of its parameters' gradients; and its parameters."""

    layer: str
    forward: int
    to_input: int
    to_parameters: int
    parameters: int


def costs(layers: Sequence[Layer], x: torch.Tensor) -> list[Cost]:
    """The cost of each layer for the batch `x`, from the input on; biases, which are only added, are not counted.

    Gradients are those of the parameters: u J is not formed at and below the lowest layer that has some. Taught in
    chapter 05_learning_filters.

    >>> from deeprestore_lab.training.backpropagation import Convolution, ReLU
    >>> first, last = Convolution(torch.ones(4, 1, 3, 3)), Convolution(torch.ones(1, 4, 1, 1))
    >>> [(cost.forward, cost.to_input) for cost in costs([first, ReLU(), last], torch.zeros(1, 1, 4, 4))]
    [(144, 0), (16, 16), (16, 16)]
    """
    found, learned_below = [], False
    for layer, given in zip(layers, activations(layers, x), strict=False):  # the last activation is no input
        products = layer.products(given)
        parameters = sum(tensor.numel() for tensor in layer.parameters.values())
        found.append(
            Cost(
                layer=type(layer).__name__,
                forward=products,
                to_input=products if learned_below else 0,
                to_parameters=products if parameters else 0,
                parameters=parameters,
            )
        )
        learned_below = learned_below or parameters > 0
    return found


def reverse_mode(each: Sequence[Cost]) -> int:
    """Multiply-adds of the recursion after the forward pass, for the gradients of all parameters at once."""
    return sum(cost.to_input + cost.to_parameters for cost in each)


def forward_mode(each: Sequence[Cost]) -> int:
    """Multiply-adds of the same gradients when each parameter is followed up to the loss by itself.

    One parameter's derivative passes its own layer and those above, each at the cost of a forward pass. Zeros in it are
    not made use of.
    """
    above = sum(cost.forward for cost in each)
    total = 0
    for cost in each:
        total += cost.parameters * above
        above -= cost.forward
    return total


def matrix_products(each: Sequence[Cost], *, values: int) -> int:
    """Multiply-adds of J_L ... J_2 J_1 from the input's side, for an input of `values` numbers.

    `values` are those of one image. J_1 has a column for each, and every later layer multiplies all columns. The
    gradient with respect to the input is one row of that product; the recursion, from the other side, has one row all
    the way.
    """
    return values * sum(cost.forward for cost in each[1:])
