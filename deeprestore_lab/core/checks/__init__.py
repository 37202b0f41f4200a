"""Argument checks shared by the whole library: each names what came and what was expected."""

from deeprestore_lab.core.checks.described import class_words, describe
from deeprestore_lab.core.checks.images import (
    EXACT,
    LARGEST,
    check_images,
    check_input,
    check_level,
    check_not_bytes,
    check_not_negative,
    check_precision,
    check_units,
    per_image,
    rounding,
)
from deeprestore_lab.core.checks.numbers import (
    check_choice,
    check_lr,
    check_pair,
    check_positive,
    check_seed,
    check_weight,
    check_whole,
)

__all__ = [
    "EXACT",
    "LARGEST",
    "check_choice",
    "check_images",
    "check_input",
    "check_level",
    "check_lr",
    "check_not_bytes",
    "check_not_negative",
    "check_pair",
    "check_positive",
    "check_precision",
    "check_seed",
    "check_units",
    "check_weight",
    "check_whole",
    "class_words",
    "describe",
    "per_image",
    "rounding",
]
