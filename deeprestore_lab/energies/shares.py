"""The shares of an energy: one value per image, times a weight, under a name of its own."""

import torch

from deeprestore_lab.core.checks import describe, per_image
from deeprestore_lab.energies.answers import Answers, Weight


def term_names(terms: list[tuple[Weight, Answers]], *, taken: tuple[str, ...] = ()) -> list[str]:
    """The names of (weight, term) pairs, numbered where the same one comes again or is `taken`."""
    names: list[str] = []
    for _, term in terms:
        name, count = term.name, 2
        while name in names or name in taken:
            name, count = f"{term.name} {count}", count + 1
        names.append(name)
    return names


def zero_weight_images(weight: Weight) -> torch.Tensor | None:
    """Which images the weight leaves out, being 0: a bool for each, or one for all; None where it leaves out none."""
    zero = torch.as_tensor(weight).reshape(-1) == 0
    return zero if bool(zero.any()) else None


def detach_images(x: torch.Tensor, out: torch.Tensor | None) -> torch.Tensor:
    """`x` with no way for gradients back to its images `out`, bools of `zero_weight_images`.

    The gradient there is 0 times that of the energy, which is NaN where the energy is infinite.
    """
    return x if out is None else torch.where(per_image(out, x).bool(), x.detach(), x)


def checked_value(energy: Answers, x: torch.Tensor) -> torch.Tensor:
    """The energy of each image. Raises `ValueError` where `value` of a subclass does not give one number per image."""
    values = energy.value(x)
    if isinstance(values, torch.Tensor) and values.shape == x.shape[:1]:
        return values
    raise ValueError(
        f"{type(energy).__name__}.value must give one number per image, shape ({x.shape[0]},); got {describe(values)}"
    )


def weighted_values(weight: Weight, values: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """The weight times one value per image, in the precision of the values; 0 for the images `out`, even of infinity.

    Raises `ValueError` for weights that are neither one nor as many as the images.
    """
    if isinstance(weight, torch.Tensor):
        if weight.shape[0] not in (1, values.shape[0]):
            raise ValueError(f"{weight.shape[0]} weights were given for a batch of {values.shape[0]} images")
        weight = weight.to(values)
    shares = weight * values
    return shares if out is None else torch.where(out.to(values.device), 0.0, shares)
