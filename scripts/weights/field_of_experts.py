"""The fields of experts of chapter 14: 24 filters of 5 x 5, by picture score matching at 5/255.

Student-t experts from three seeds, logistic ones from one, from free photographs whose shorter side is 320, as that of
the pictures on which denoisers are compared.
"""

from __future__ import annotations

import torch

from deeprestore_lab import images
from deeprestore_lab.core.artifacts import save_weights
from deeprestore_lab.training.score_matching import FieldFit, fit_field
from scripts.making.photographs.learnt import EMBEDDED, LICENCE, SUMS, learnt_photographs, scaled

SIDE = 320
FIELDS = (("student", 0), ("student", 1), ("student", 2), ("logistic", 0))


def free_pictures() -> list[torch.Tensor]:
    """The photographs that what ships is learnt from, grey, `(1, 1, H, W)`, the shorter side 320."""
    return [images.to_grey(small) for x in learnt_photographs() for small in scaled(x, (SIDE,))]


def main() -> None:
    """Fit the four fields and write the weights `field_of_experts`."""
    torch.set_num_threads(1)
    pictures = free_pictures()
    fits: dict[str, FieldFit] = {f"{e}-{s}": fit_field(pictures, expert=e, seed=s) for e, s in FIELDS}
    tensors = {}
    for name, fit in fits.items():
        tensors |= {f"{name}.filters": fit.field.filters, f"{name}.weights": fit.field.weights}
    save_weights(
        "field_of_experts",
        tensors,
        command="make weights NAME=field_of_experts",
        data=f"{len(pictures)} grey photographs: {', '.join(EMBEDDED)} of scikit-image and scikit-learn, and "
        f"{len(SUMS)} of Debian's packages of Lomiri's wallpapers ({', '.join(sorted(SUMS))})",
        licence=LICENCE,
        seeds=sorted({seed for _, seed in FIELDS}),
        metric="mean loss of the last 100 steps, sigma^2 J a pixel: "
        + ", ".join(f"{name} {float(fit.losses[-100:].mean()):.3f}" for name, fit in fits.items()),
    )
