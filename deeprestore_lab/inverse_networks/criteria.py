"""What a training compares a module's answer with the truth by: "l2", "l1", or a function of two image batches.

Taught in chapter 17_inverse_networks.
"""

from collections.abc import Callable

import torch
from torch import nn

from deeprestore_lab.core.checks import check_choice, describe
from deeprestore_lab.inverse_networks.network import CONTRAST, GREY

CRITERIA = {"l2": nn.functional.mse_loss, "l1": nn.functional.l1_loss}
Comparison = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def comparison(criterion: str | Comparison, training: str) -> Comparison:
    """The loss of what a module gives, in the units of the modules, where a function of one's own is given images.

    Raises `ValueError` for another name, for a function with a training that compares maps too, and, when it is used,
    for one that gives no single number.
    """
    if not callable(criterion):
        return CRITERIA[check_choice(criterion, tuple(CRITERIA), name="criterion")]
    if training != "end to end":
        raise ValueError(
            f"a criterion of your own compares images, and with training {training!r} maps are compared too: take "
            "'end to end', or 'l2' or 'l1'"
        )

    def compare(own: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        error = criterion(GREY + CONTRAST * own, GREY + CONTRAST * true)
        if not isinstance(error, torch.Tensor) or error.numel() != 1:
            raise ValueError(f"criterion must give one number for all images together, got {describe(error)}")
        return error.reshape(())

    return compare
