"""How exactly a proximal step by iterations is asked for, by the bound that the gap is."""

import torch

from deeprestore_lab.energies import Energy, InexactProx
from deeprestore_lab.parametrisations import Pixels
from deeprestore_lab.solve.inner_prox import STEPS, InnerProx
from deeprestore_lab.solve.problem import Problem

X = torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Asked(Energy):
    """Keeps what it was asked, and answers with the half of v and a primal value of 8 and 2."""

    smooth, prox_gap = False, 1e-5

    def value(self, x):
        return x.abs().flatten(1).sum(1)

    def inexact_prox(self, v, step, *, bounds=None, gap=None, start=None, steps=None):
        self.said = {"gap": gap, "start": start, "steps": steps, "step": step}
        count = len(v)
        gaps, primals = v.new_full((count,), 1e-6), v.new_tensor([8.0, 2.0])[:count]
        return InexactProx(v / 2, gaps, primals, v, 1e-12)


def made(**settings) -> tuple[Asked, InnerProx]:
    term = Asked()
    return term, InnerProx(Problem(term, Pixels(X)), (3.0, term), **settings)


def test_the_error_is_a_tenth_of_the_step_before_at_most():
    """gap * primal bounds half the squared error."""
    term, inner = made(tolerance=1e-3, alone=False)
    every, step = torch.tensor([True, True]), torch.tensor([0.5, 0.25], dtype=torch.float64)
    inner.step(X, step, every)
    assert term.said["gap"].tolist() == [1e-3, 1e-3]  # the loosest there is: there was no step before
    assert term.said["start"] is None and term.said["steps"] == STEPS
    assert term.said["step"].tolist() == [1.5, 0.75]  # the weight counts
    inner.note_change(every, torch.tensor([0.02**2, 0.01**2], dtype=torch.float64))
    inner.step(X, step, every)
    primal = torch.tensor([8.0, 2.0], dtype=torch.float64)
    error = (2 * term.said["gap"] * primal).sqrt()
    torch.testing.assert_close(error, torch.tensor([0.002, 0.001], dtype=torch.float64))
    assert torch.equal(term.said["start"], X)


def test_a_single_step_is_taken_to_the_terms_own_gap_or_the_tolerance():
    every, step = torch.tensor([True, True]), X.new_ones(2)
    for tolerance, gap in ((1e-3, 1e-5), (1e-5, 1e-5), (0.0, 1e-5)):
        term, inner = made(tolerance=tolerance, alone=True)
        inner.step(X, step, every)
        assert term.said["steps"] is None
        expected = min(gap, max(tolerance, torch.finfo(X.dtype).eps))
        assert term.said["gap"].tolist() == [expected, expected]


def test_images_that_do_not_want_a_step_keep_what_they_have():
    term, inner = made(tolerance=1e-3, alone=False)
    found = inner.step(X, X.new_ones(2), torch.tensor([True, False]))
    assert torch.equal(found, torch.cat([X[:1] / 2, X[1:]])) and inner.gap.tolist() == [1e-6, 0.0]
    assert inner.primal.tolist() == [8.0, 1.0]
