"""The shares of an energy: one value per image, times a weight, under a name of its own."""

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.energies.answers import Answers, Weight


def term_names(terms: list[tuple[Weight, Answers]]) -> list[str]:
    """The names of (weight, term) pairs, numbered where the same one comes again."""
    names: list[str] = []
    for _, term in terms:
        name, count = term.name, 2
        while name in names:
            name, count = f"{term.name} {count}", count + 1
        names.append(name)
    return names


def checked_value(energy: Answers, x: torch.Tensor) -> torch.Tensor:
    """The energy of each image. Raises `ValueError` where `value` of a subclass does not give one number per image."""
    values = energy.value(x)
    if isinstance(values, torch.Tensor) and values.shape == x.shape[:1]:
        return values
    raise ValueError(
        f"{type(energy).__name__}.value must give one number per image, shape ({x.shape[0]},); got {describe(values)}"
    )


def times(weight: Weight, values: torch.Tensor) -> torch.Tensor:
    """The weight times one value per image, in the precision of the values.

    Raises `ValueError` for weights that are neither one nor as many as the images.
    """
    if isinstance(weight, torch.Tensor):
        if weight.shape[0] not in (1, values.shape[0]):
            raise ValueError(f"{weight.shape[0]} weights were given for a batch of {values.shape[0]} images")
        weight = weight.to(values)
    return weight * values
