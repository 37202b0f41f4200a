"""Experts against SciPy's densities and autograd."""

import numpy as np
import pytest
import torch
from scipy import stats

from deeprestore_lab.priors.experts import EXPERTS, Expert, expert

S = torch.linspace(-60, 60, 2401, dtype=torch.float64)
EVERY = pytest.mark.parametrize("one", EXPERTS.values(), ids=EXPERTS)


def log_density(name: str, s: np.ndarray) -> np.ndarray:
    """Half of a Student's t with three degrees of freedom, or all of a logistic density."""
    return 0.5 * stats.t.logpdf(s * np.sqrt(3 / 2), 3) if name == "student" else stats.logistic.logpdf(s)


@EVERY
def test_potential_is_minus_the_log_density(one: Expert) -> None:
    expected = log_density(one.name, np.zeros(1)) - log_density(one.name, S.numpy())
    np.testing.assert_allclose(one.potential(S).numpy(), expected, rtol=1e-12, atol=1e-12)


@EVERY
def test_derivatives_are_those_of_autograd(one: Expert) -> None:
    s = S.clone().requires_grad_()
    slope = torch.autograd.grad(one.potential(s).sum(), s, create_graph=True)[0]
    inner = S.abs() > 0  # autograd takes |s| at zero by a rule of its own
    torch.testing.assert_close(one.derivative(S)[inner], slope.detach()[inner], rtol=1e-10, atol=1e-12)
    again = S.clone().requires_grad_()
    curvature = torch.autograd.grad(one.derivative(again).sum(), again)[0]
    torch.testing.assert_close(one.curvature(S), curvature, rtol=1e-10, atol=1e-12)


@EVERY
def test_curvature_reaches_its_bounds_and_no_more(one: Expert) -> None:
    curvature = one.curvature(S)
    assert one.smallest - 1e-12 <= float(curvature.min()) <= one.smallest + 1e-4
    assert one.largest - 1e-4 <= float(curvature.max()) <= one.largest + 1e-12


def test_by_name() -> None:
    assert expert("logistic") is EXPERTS["logistic"]
    own = Expert("own", S.abs, S.sign, S.cos, -1.0, 1.0)
    assert expert(own) is own
    with pytest.raises(ValueError, match="'gauss'"):
        expert("gauss")
