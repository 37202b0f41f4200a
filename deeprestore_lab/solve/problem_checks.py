"""Checks of an equation before it is solved: values, parameters, weights."""

import torch

from deeprestore_lab.core.checks import check_precision, describe
from deeprestore_lab.energies import Energy, Weight, weighted_terms
from deeprestore_lab.parametrisations.base import Parametrisation


def check_energy(energy: Energy) -> Energy:
    """Return `energy` if it is one and every term has a value or is a denoiser, else raise `ValueError`."""
    if not isinstance(energy, Energy):
        raise ValueError(f"energy must be an Energy (subclass it and define value), got {describe(energy)}")
    for _, term in weighted_terms(energy):
        if not term.has_value and not term.has_denoiser:
            raise ValueError(
                f"{term.name} has no value, so it cannot be minimised or traced; a score alone is for samplers"
            )
    return energy


def plays_a_part(weight: Weight) -> bool:
    """Whether a term of this weight counts for any image: whether it is not 0 everywhere."""
    return bool(weight.any()) if isinstance(weight, torch.Tensor) else weight != 0


def check_parameters(parametrisation: Parametrisation, parameters: list[torch.nn.Parameter], batch: int) -> None:
    """Raise `ValueError` unless there is one theta per image, or parameters that are declared shared."""
    kind = type(parametrisation).__name__
    if not parameters:
        raise ValueError(f"{kind} has no parameters to search over")
    for parameter in parameters:
        check_precision(parameter, name=f"theta of {kind}")
    if not parametrisation.shared and (len(parameters) != 1 or parameters[0].shape[:1] != (batch,)):
        raise ValueError(f"{kind} must hold one parameter theta of batch {batch}, or declare itself shared")


def check_weights(terms: list[tuple[Weight, Energy]], names: list[str], *, batch: int, shared: bool) -> None:
    """Raise `ValueError` where a weight per image does not fit the batch, or the parameters are shared."""
    for (weight, _), name in zip(terms, names, strict=True):
        if not isinstance(weight, torch.Tensor):
            continue
        if shared and weight.numel() > 1:
            raise ValueError(
                f"{name} has one weight per image, but the images share their parameters; "
                "give one number, or run them one by one"
            )
        if weight.shape[0] not in (1, batch):
            raise ValueError(f"{name} has {weight.shape[0]} weights for a batch of {batch} images")
