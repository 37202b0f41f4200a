"""The gradient of a batch as an estimate of the gradient of all examples: its mean and its variance."""

from collections.abc import Callable

import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from deeprestore_lab.core.checks import check_seed, check_whole, describe

CHUNK = 1024  # batches at a time


def example_gradients(
    network: nn.Module,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    inputs: torch.Tensor,
    targets: torch.Tensor,
) -> torch.Tensor:
    """The gradient of each example's loss with respect to all weights, `(n, P)`, in the order of `parameters()`.

    `inputs` and `targets` are `(n, ...)`; `loss(network(input), target)` is called with batches of one and gives their
    mean. The rows' mean is the gradient of the loss of all examples. Raises `ValueError` where the lengths differ.
    Taught in chapter 05_learning_filters.

    >>> rows = example_gradients(nn.Linear(1, 1), nn.functional.mse_loss, torch.zeros(3, 1), torch.ones(3, 1))
    >>> rows.shape, rows[:, 0].tolist()
    (torch.Size([3, 2]), [0.0, 0.0, 0.0])
    """
    if len(inputs) != len(targets) or not len(inputs):
        raise ValueError(f"inputs and targets need the same length, got {describe(inputs)} and {describe(targets)}")
    weights = {name: tensor.detach() for name, tensor in network.named_parameters()}

    def one(weights: dict, given: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return loss(functional_call(network, weights, (given[None],)), target[None])

    rows = vmap(grad(one), in_dims=(None, 0, 0))(weights, inputs, targets)
    return torch.cat([rows[name].flatten(1) for name in weights], dim=1)


def batch_gradients(
    gradients: torch.Tensor, batch_size: int, *, batches: int, replace: bool = True, seed: int = 0
) -> torch.Tensor:
    """The gradients of so many random batches, `(batches, P)`, each a mean of rows of `gradients`, `(n, P)`.

    With `replace` an example can come twice in a batch; without, a batch is a random subset. Raises `ValueError` for
    settings that do not fit. Taught in chapter 05_learning_filters.
    """
    share_of_variance(_check_rows(gradients), batch_size, replace=replace)  # refuses a size that does not fit
    draw = torch.Generator().manual_seed(check_seed(seed))
    count, drawn = len(gradients), []
    for some in torch.empty(check_whole(batches, name="batches", least=1)).split(CHUNK):
        if replace:
            chosen = torch.randint(count, (len(some), batch_size), generator=draw)
        else:
            chosen = torch.rand(len(some), count, generator=draw).topk(batch_size, dim=1).indices
        times = torch.zeros(len(some), count, dtype=gradients.dtype)
        times.scatter_add_(1, chosen, torch.ones_like(chosen, dtype=gradients.dtype))
        drawn.append(times.to(gradients.device) @ gradients / batch_size)
    return torch.cat(drawn)


def share_of_variance(examples: torch.Tensor, batch_size: int, *, replace: bool = True) -> float:
    """The variance of a batch's mean, as a share of that of one example.

    It is 1/B with replacement, and (n - B) / (B (n - 1)) without: the finite-population correction (n - B) / (n - 1)
    leaves no variance to a batch of everything. n is the length of `examples`. Raises `ValueError` for a size below 1,
    or above n without replacement.

    >>> share_of_variance(torch.zeros(9), 3), share_of_variance(torch.zeros(9), 3, replace=False)
    (0.3333333333333333, 0.25)
    """
    check_whole(batch_size, name="batch_size", least=1)
    if replace:
        return 1 / batch_size
    if batch_size > len(examples):
        raise ValueError(f"batch_size must be at most {len(examples)} without replacement, got {batch_size}")
    return (len(examples) - batch_size) / (batch_size * max(len(examples) - 1, 1))


def batch_variance(gradients: torch.Tensor, batch_size: int, *, replace: bool = True) -> float:
    r"""E ||g_B - g||^2, exactly: the share of `share_of_variance` times the mean of ||g_i - g||^2.

    `gradients` holds the g_i as rows, `(n, P)`; g is their mean, which is also the mean of g_B over all batches: the
    gradient of a batch is unbiased. Raises `ValueError` for settings that do not fit. Taught in chapter
    05_learning_filters.

    >>> batch_variance(torch.tensor([[0.0], [2.0]]), 4)
    0.25
    """
    one = (_check_rows(gradients) - gradients.mean(0)).square().sum(1).mean()
    return float(one) * share_of_variance(gradients, batch_size, replace=replace)


def _check_rows(gradients: torch.Tensor) -> torch.Tensor:
    if not isinstance(gradients, torch.Tensor) or gradients.ndim != 2 or not gradients.is_floating_point():
        raise ValueError(f"gradients must be a float tensor (examples, weights), got {describe(gradients)}")
    return gradients
