"""What a trace says of itself, and whom an error names where a prior of one's own has no gradient."""

from __future__ import annotations

import pytest
import torch

import deeprestore_lab as drl
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.operators import Identity
from deeprestore_lab.priors import FieldOfExperts, Prior, TotalVariation

Y = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(0))


class Rooted(Prior):
    """Steps without a small number under the root."""

    def value(self, x):
        return (x[..., 1:] - x[..., :-1]).square().sqrt().flatten(1).sum(1)


def test_a_trace_counts_what_stopped_its_images():
    data = GaussianLikelihood(Identity(), Y, sigma=0.1)
    few = drl.minimise(data + FieldOfExperts.trained(), Y, solver="lbfgs", steps=3, progress=False)
    assert repr(few).startswith("Trace(lbfgs: 2 images, 3 steps, stopped by: steps 2, ")
    one = drl.minimise(GaussianLikelihood(Identity(), Y[:1], sigma=0.1) + TotalVariation(), Y[:1], progress=False)
    steps = int(one.steps)
    words = "1 step" if steps == 1 else f"{steps} steps"
    assert repr(one).startswith(f"Trace({one.solver}: 1 image, {words}, stopped by: tolerance 1, ")
    few.stopped_by, few.steps = ["tolerance", "steps"], torch.tensor([2, 3])
    assert "2 to 3 steps, stopped by: tolerance 1, steps 1, " in repr(few)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_gradient_that_is_none_is_told_from_a_term_that_is_none(solver):
    flat = torch.full_like(Y, 0.5)
    energy = GaussianLikelihood(Identity(), Y, sigma=0.1) + Rooted()
    with pytest.raises(ValueError, match="a gradient was not finite|the gradient at the start is not finite") as found:
        drl.minimise(energy, flat, solver=solver, steps=5, progress=False)
    assert "a root or a norm has none at 0" in str(found.value)
