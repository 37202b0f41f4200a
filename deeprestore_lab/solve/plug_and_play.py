r"""Plug-and-play: a denoiser D in the place of a proximal step, at a fixed strength, stopped by its fixed point.

All three solvers search an image for which E(x) and D agree. D removes noise of the level sigma and stands for
prox_{sigma^2 R}, so a weight lambda fixes the penalty of the splitting: rho = lambda / sigma^2. It stays as it is:
another rho would be another strength, and another answer. There is no energy to trace where D has no value; the trace
shows the terms that have one, and the residual of the fixed point, which is what stops a run. A black box need not
have a fixed point, nor lead to it: such a run takes all its steps and says so.

Taught in chapter 18_preimages_with_priors.
"""

import torch

from deeprestore_lab.core.checks import per_image
from deeprestore_lab.operators.base import Identity
from deeprestore_lab.solve.finite_point import where_image
from deeprestore_lab.solve.normal_equations import right_hand_side, solve_normal
from deeprestore_lab.solve.norms import norm
from deeprestore_lab.solve.problem import Problem
from deeprestore_lab.solve.sharp_terms import kinked_names, open_walls
from deeprestore_lab.solve.solver import Solver, each, not_by_itself


class PlugAndPlay(Solver):
    """What the three have in common: the fixed penalty `rho` `(N,)`, the step on the data, and what they refuse."""

    default_steps = 200
    default_tolerance = 1e-4
    traces_residual = True
    kept = ("residual",)

    def __init__(self, problem: Problem, *, tolerance: float) -> None:
        super().__init__(problem, tolerance=tolerance)
        ((weight, self.denoiser),) = problem.scores
        self.rho = each(weight, problem.theta) / each(self.denoiser.sigma, problem.theta).square()
        self.residual = torch.ones_like(self.rho)
        self.quadratics = [(w, q) for w, term in problem.terms if (q := term.quadratic()) is not None]

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        if not problem.scores:
            return "it is for a denoiser that has no value (priors.DenoiserScore), and here is none"
        if len(problem.scores) > 1 or not problem.scores[0][1].has_denoiser:
            names = ", ".join(term.name for _, term in problem.scores)
            return f"it takes one denoiser and no other score, and here are {names}"
        if not problem.on_pixels:
            return "it splits a search over pixels, and theta is not pixels"
        if problem.bounds is not None:
            return "the parametrisation has bounds, and a denoiser knows of none; leave them out"
        if not bool((torch.as_tensor(problem.scores[0][0]) > 0).all()):
            return "the denoiser's weight must be above 0 for every image"
        if not problem.terms:
            return "nothing but a denoiser speaks of the image; add the term of a measurement"
        return not_by_itself(problem) or cls.data_refused(problem)

    @classmethod
    def data_refused(cls, problem: Problem) -> str | None:
        """Why the step on the data is not known: it is for squares, and for one term with a proximal step."""
        curved = [(name, t) for name, (_, t) in zip(problem.names, problem.terms, strict=True) if t.quadratic() is None]
        if not curved or (len(problem.terms) == 1 and curved[0][1].has_prox):
            return None
        names = ", ".join(name for name, _ in curved)
        return f"{names} is not quadratic, and not a single term with a proximal step beside the denoiser"

    def data_step(self, v: torch.Tensor) -> torch.Tensor:
        """argmin over x of E(x) + rho/2 ||x - v||^2."""
        if not self.quadratics:
            ((weight, term),) = self.problem.terms
            return term.prox(v, each(weight, v) / self.rho)
        parts = [(each(w, v) * each(q.precision, v), q.operator) for w, q in self.quadratics]
        b = right_hand_side(self.quadratics, v) + per_image(self.rho, v) * v
        goal = (self.residual / 100).clamp(torch.finfo(v.dtype).eps, 1e-3)  # only conjugate gradients need one
        return solve_normal([*parts, (self.rho, Identity())], b, x=v, tolerance=goal).x

    def _end(self, new: torch.Tensor, residual: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        """Show `new` and return the residual over its norm."""
        residual = residual / norm(new).clamp_min(torch.finfo(new.dtype).tiny)
        self.problem.move(new, active)
        self.residual = torch.where(active, residual, self.residual)
        return residual


class PlugAndPlayADMM(PlugAndPlay):
    r"""x <- argmin of E + rho/2 ||x - z + u||^2,  z <- D(x + u),  u <- u + x - z, with rho = lambda / sigma^2.

    Where D is prox_{sigma^2 R}, this is ADMM for E + lambda R and ends at its minimum. The image shown is z. Residual:
    the larger of ||x - z|| and ||z - z_before||, over ||z||. The steps on squares are exact as in `ADMM`, else by
    conjugate gradients to a hundredth of the last residual.

    Source: Venkatakrishnan, Bouman & Wohlberg (2013), with the penalty held fixed. Taught in chapter
    18_preimages_with_priors.
    """

    name = "pnp_admm"
    kept = ("residual", "u")

    def __init__(self, problem: Problem, *, tolerance: float) -> None:
        super().__init__(problem, tolerance=tolerance)
        self.u = torch.zeros_like(problem.theta)

    def step(self, active: torch.Tensor) -> torch.Tensor:
        before = self.problem.theta
        x = self.data_step(before - self.u)
        z = self.denoiser.denoised(x + self.u)
        self.u = where_image(active, self.u + x - z, self.u)
        return self._end(z, torch.maximum(norm(x - z), norm(z - before)), active)


class HalfQuadraticSplitting(PlugAndPlay):
    r"""x <- argmin of E + rho/2 ||x - z||^2,  z <- D(x), with rho = lambda / sigma^2.

    At the fixed point grad E(x) = lambda (D(x) - x) / sigma^2: the gradient of the data is balanced by the denoiser's
    score, whatever D is. Where D is prox_{sigma^2 R}, x and z minimise E(x) + rho/2 ||x - z||^2 + lambda R(z), which is
    another answer than that of E + lambda R, the nearer the smaller sigma is. The image shown is z. Residual:
    ||z - z_before|| / ||z||.

    Source: Zhang et al. (2017), "Learning deep CNN denoiser prior", equations 6 and 7. Differs from it in that the
    penalty does not grow. Taught in chapter 18_preimages_with_priors.
    """

    name = "pnp_hqs"

    def step(self, active: torch.Tensor) -> torch.Tensor:
        before = self.problem.theta
        z = self.denoiser.denoised(self.data_step(before))
        return self._end(z, norm(z - before), active)


class PlugAndPlayProximal(PlugAndPlay):
    r"""x <- D(x - grad E(x) / rho), with rho = lambda / sigma^2: a gradient step on the data, then the denoiser.

    Where D is prox_{sigma^2 R}, it is the proximal gradient method for E + lambda R, with steps of 1 / rho and without
    momentum. They must be shorter than 2 / L, L = sum_i lambda_i ||A_i||^2 for squares, else it is refused; for other
    smooth terms that is left to the reader. Residual: ||x - x_before|| / ||x||.

    Source: Kamilov, Mansour & Wohlberg (2017), equation 10, without acceleration. Taught in chapter
    18_preimages_with_priors.
    """

    name = "pnp_proximal"

    @classmethod
    def data_refused(cls, problem: Problem) -> str | None:
        kinked = [*kinked_names(problem), *open_walls(problem)]
        if kinked:
            return f"it needs a gradient everywhere and {', '.join(kinked)} has none; use pnp_admm"
        solver, x = PlugAndPlay(problem, tolerance=0.0), problem.theta
        if len(solver.quadratics) < len(problem.terms):
            return None
        parts = [(each(w, x) * each(q.precision, x), q.operator.norm(x)) for w, q in solver.quadratics]
        longest = 2 / sum(precision * largest**2 for precision, largest in parts)
        long = 1 / solver.rho >= longest
        if not bool(long.any()):
            return None
        image = int(long.nonzero()[0])
        return (
            f"its steps of sigma^2 / weight = {float(1 / solver.rho[image]):.3g} must be shorter than "
            f"{float(longest[image]):.3g} on these data; raise the denoiser's weight, lower its sigma, or use pnp_admm"
        )

    def step(self, active: torch.Tensor) -> torch.Tensor:
        before = self.problem.theta
        gradient = self.problem.evaluate(before).gradient
        new = self.denoiser.denoised(before - gradient / per_image(self.rho, before))
        return self._end(new, norm(new - before), active)
