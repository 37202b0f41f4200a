"""The recursion: one row vector goes from the loss down through the layers."""

from collections.abc import Sequence

import torch

from deeprestore_lab.core.checks import check_images, describe
from deeprestore_lab.training.backpropagation.base import Layer


def activations(layers: Sequence[Layer], x: torch.Tensor) -> list[torch.Tensor]:
    """The input and what each layer gave: x_0 = x, x_k = h_k(x_{k-1}). Raises `ValueError` for what is no `Layer`."""
    given = [check_images(x)]
    for number, layer in enumerate(layers, start=1):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"layer {number} must be one of deeprestore_lab.training.backpropagation, got {describe(layer)}"
            )
        given.append(layer(given[-1]))
    return given


def backpropagate(
    layers: Sequence[Layer], x: torch.Tensor, u: torch.Tensor
) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
    r"""The gradients of a loss by u_k = u_{k-1} J_{L+1-k}, from u_0 = `u`, its gradient at the last layer's output.

    Layers are counted from the input, 1 to L, the recursion from the loss: J_{L+1-k} is the Jacobian of the layer that
    step k passes, at the input which that layer had. On the way each layer gives the gradients of its own parameters,
    u_{k-1} dh/dparameter. `u` has the shape of the output, `(N, C', H', W')`.

    Returns u_L, the gradient with respect to `x`, and for each layer, from the input on, a dict of gradients by the
    names of its `parameters`. Raises `ValueError` for a `u` of another shape. Source: Rumelhart, Hinton & Williams
    (1986), "Learning representations by back-propagating errors". Taught in chapter 05_learning_filters.

    >>> from deeprestore_lab.training.backpropagation import Convolution, ReLU
    >>> layers = [Convolution(torch.tensor([[[[3.0]]]])), ReLU()]
    >>> to_x, gradients = backpropagate(layers, torch.tensor([[[[2.0, -1.0]]]]), torch.ones(1, 1, 1, 2))
    >>> to_x.tolist(), gradients[0]["kernel"].item()
    ([[[[3.0, 0.0]]]], 2.0)
    """
    given = activations(layers, x)
    if not isinstance(u, torch.Tensor) or u.shape != given[-1].shape:
        raise ValueError(f"u must have the shape of the output, {tuple(given[-1].shape)}, got {describe(u)}")
    gradients = []
    for layer, below in zip(reversed(layers), reversed(given[:-1]), strict=True):
        gradients.append(layer.gradients(u, below))
        u = layer.pull(u, below)
    return u, gradients[::-1]
