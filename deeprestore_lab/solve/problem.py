"""What a solver sees of the equation: theta, the value of each term per image, and the gradient."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from deeprestore_lab.core.capture import Captured, check_capture
from deeprestore_lab.core.checks import EXACT, check_images, per_image
from deeprestore_lab.core.dependence import check_depends, check_differentiable
from deeprestore_lab.core.machine import fast_autocast
from deeprestore_lab.energies import (
    Energy,
    Weight,
    detach_images,
    term_names,
    weighted_terms,
    weighted_values,
    zero_weight_images,
)
from deeprestore_lab.operators import one_evaluation
from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.pixels import Pixels
from deeprestore_lab.solve.perturbation import UNPERTURBED, Perturbation
from deeprestore_lab.solve.problem_checks import check_energy, check_parameters, check_weights, plays_a_part


@dataclass
class Evaluation:
    """The equation at one theta: the image, each term's share per image, their sum, and the gradient of the sum."""

    x: torch.Tensor  # (N, C, H, W)
    shares: dict[str, torch.Tensor]  # name -> (N,)
    total: torch.Tensor  # (N,)
    gradients: list[torch.Tensor] | None  # as `Problem.parameters`, of the sum over the batch

    @property
    def gradient(self) -> torch.Tensor:
        """The gradient with respect to theta, `(N, ...)`: each image's own, for a theta per image."""
        return self.gradients[0]


class Problem:
    """argmin over theta of energy(g(theta)) + S(theta), for the images of a batch, each by itself.

    `theta` is the current iterate. Tensors that it returned are never changed in place: `move` puts new ones in
    their place. `terms` and `names` are those that play a part and have a value; a term whose weight is 0 for every
    image has a share of 0 and is never evaluated. `scores` are the (weight, term) without a value, which solvers may
    ask for other things. `perturbed` is what every evaluation draws at random. `low_precision` computes g in bfloat16
    where autocast does; `capture` records evaluations with a gradient as a CUDA graph, from the second on. Raises
    `ValueError` for an energy, weights and a parametrisation that do not fit, and where autograd sees no way from a
    term to theta.
    """

    def __init__(
        self,
        energy: Energy,
        parametrisation: Parametrisation,
        *,
        perturbed: Perturbation = UNPERTURBED,
        low_precision: bool = False,
        capture: bool = False,
    ) -> None:
        self.energy, self.parametrisation = check_energy(energy), parametrisation
        self.perturbed, self.low_precision = perturbed, low_precision
        everything = [(_beside(weight, parametrisation), term) for weight, term in weighted_terms(energy)]
        self.scores: list[tuple[Weight, Energy]] = [  # denoisers without a value, which no evaluation can show
            (weight, term) for weight, term in everything if not term.has_value and plays_a_part(weight)
        ]
        given = [(weight, term) for weight, term in everything if term.has_value]
        self.has_penalty = type(parametrisation).penalty is not Parametrisation.penalty
        self._given_names = term_names(given, taken=("penalty",) if self.has_penalty else ())
        kept = [i for i, (weight, _) in enumerate(given) if plays_a_part(weight)]
        self.terms: list[tuple[Weight, Energy]] = [given[i] for i in kept]
        self.names = [self._given_names[i] for i in kept]
        self._out, self._place = _distinct([zero_weight_images(weight) for weight, _ in self.terms])
        self.bounds: tuple[float, float] | None = getattr(parametrisation, "bounds", None)
        self._parameters = [p for p in parametrisation.parameters() if p.requires_grad]
        self._followed: set[str] = set()  # the terms that were seen to depend on theta
        self._shares: dict[str, torch.Tensor] | None = None
        self._x: torch.Tensor | None = None
        self.batch = self.x().shape[0]
        check_parameters(parametrisation, self._parameters, self.batch)
        names = term_names(everything)
        check_weights(everything, names, batch=self.batch, shared=parametrisation.shared)
        self.capture = check_capture(capture, self._x.device)
        self._captured: Captured | None = None

    @property
    def parameters(self) -> list[torch.Tensor]:
        """The current parameters, detached; the single theta where each image has its own."""
        return [p.detach() for p in self._parameters]

    @property
    def theta(self) -> torch.Tensor:
        """The current theta `(N, ...)` of a parametrisation with one theta per image."""
        return self._parameters[0].detach()

    @property
    def on_pixels(self) -> bool:
        """Whether theta is the image itself: `Pixels`, and not a subclass that makes another image of theta."""
        return isinstance(self.parametrisation, Pixels) and _definer(self.parametrisation, "forward") is Pixels

    @property
    def linear(self) -> bool:
        """Whether g is linear with its transpose: not where a subclass changed `forward` alone."""
        g = self.parametrisation
        return g.linear and issubclass(_definer(g, "adjoint"), _definer(g, "forward"))

    @property
    def random(self) -> bool:
        """Whether evaluations are perturbed at random."""
        return bool(self.perturbed)

    def x(self) -> torch.Tensor:
        """The image batch at the current theta, unperturbed."""
        if self._x is None:
            with torch.no_grad():
                x = self.parametrisation().detach()
            if not (x.ndim == 4 and x.dtype in EXACT and x.numel()):
                check_images(x, name=type(self.parametrisation).__name__)
            self._x = x
        return self._x

    def evaluate(
        self,
        theta: torch.Tensor | None = None,
        *,
        gradient: bool = True,
        only: Sequence[int] | None = None,
        penalty: bool = True,
    ) -> Evaluation:
        """The equation at `theta`, which is loaded where given; one pass for all terms and the gradient.

        `only` picks terms by their place in `terms` (for solvers that split the equation); `penalty` False leaves
        S(theta) out. Raises `ValueError` for the gradient of a term that does not depend on theta as autograd sees it.
        """
        if gradient:
            check_differentiable("this solver")
        if theta is not None:
            self._load([theta])
        if self.capture and gradient and only is None and penalty and self._followed:
            return self._played()
        return self._evaluate(gradient=gradient, only=only, penalty=penalty)

    def _evaluate(self, *, gradient: bool, only: Sequence[int] | None = None, penalty: bool = True) -> Evaluation:
        picked = range(len(self.terms)) if only is None else only
        with torch.set_grad_enabled(gradient), one_evaluation():
            x = self._image()
            seen = self.perturbed.seen(x)
            # one view for terms that leave out the same images
            views = [seen] if self._out == [None] else [detach_images(seen, out) for out in self._out]
            shares = {}
            for i in picked:
                (weight, term), place = self.terms[i], self._place[i]
                shares[self.names[i]] = weighted_values(weight, term(views[place]), self._out[place])
            if penalty and self.has_penalty:
                shares["penalty"] = self.parametrisation.penalty()
            if gradient:
                self._follow(shares)
            if only is None:
                nothing = x.new_zeros(self.batch)
                shares = {name: nothing for name in self._given_names} | shares
            total = sum(shares.values(), x.new_zeros(self.batch))
            gradients = self._gradients(total) if gradient else None
        return Evaluation(x.detach(), {k: s.detach() for k, s in shares.items()}, total.detach(), gradients)

    def _played(self) -> Evaluation:
        """The equation and its gradient at the current theta, by the recording; the first call makes it."""
        values = self.parameters
        if self._captured is None:
            self._captured = self._recording(values)
        at = self._captured(*values)
        shares = {name: share.clone() for name, share in at.shares.items()}
        return Evaluation(at.x.clone(), shares, at.total.clone(), [g.clone() for g in at.gradients])

    def _recording(self, values: list[torch.Tensor]) -> Captured:
        def at(*given: torch.Tensor) -> Evaluation:
            for parameter, value in zip(self._parameters, given, strict=True):
                parameter.data = value
            return self._evaluate(gradient=True)

        generators = [] if self.perturbed.generator is None else [self.perturbed.generator]
        try:
            return Captured(at, values, generators=generators)
        finally:
            for parameter, value in zip(self._parameters, values, strict=True):
                parameter.data = value

    def _follow(self, shares: dict[str, torch.Tensor]) -> None:
        """Check each term once: its gradient would be zero, and the start would pass for the optimum."""
        if self._followed.issuperset(shares):
            return
        fresh = {name: share for name, share in shares.items() if name not in self._followed}
        check_depends(fresh, self._parameters, on="theta")
        self._followed.update(fresh)

    def _gradients(self, total: torch.Tensor) -> list[torch.Tensor]:
        if not total.requires_grad:
            return [torch.zeros_like(p) for p in self._parameters]
        found = torch.autograd.grad(total.sum(), self._parameters, allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for g, p in zip(found, self._parameters, strict=True)]

    def _image(self) -> torch.Tensor:
        if not self.low_precision:
            return self.perturbed.image(self.parametrisation)
        theta = self._parameters[0]
        with fast_autocast(theta.device, enabled=True, cache=False):
            return self.perturbed.image(self.parametrisation).to(theta.dtype)

    def report(self) -> dict[str, torch.Tensor]:
        """Each term's share at the current theta, `{name: (N,)}`, the penalty included; evaluated where not known."""
        if self._shares is None:
            at = self.evaluate(gradient=False)
            self._shares = at.shares
            if self._x is None and not self.perturbed.input_noise:
                self._x = at.x  # so that nothing makes it again
        return self._shares

    def project(self, theta: torch.Tensor) -> torch.Tensor:
        """`theta` put back into the range that the parametrisation holds it to; the argument is not changed."""
        if self.bounds is not None:
            return theta.clamp(*self.bounds)
        if type(self.parametrisation).project_ is Parametrisation.project_:
            return theta
        self._load([theta.clone()])
        self.parametrisation.project_()
        return self.theta

    def move(
        self,
        theta: torch.Tensor | Sequence[torch.Tensor],
        active: torch.Tensor,
        *,
        start: torch.Tensor | None = None,
        shares: dict[str, torch.Tensor] | None = None,
        x: torch.Tensor | None = None,
    ) -> None:
        """Make `theta` the current iterate of the images in `active` `(N,)`; the others keep `start`.

        `start` is the theta before the step (by default the current one: give it where a trial was loaded since).
        `shares` and `x` are the terms and the images at the new iterate, where they are known already.
        """
        if isinstance(theta, torch.Tensor):
            if active.device.type != "cpu" or not bool(active.all()):  # elsewhere asking waits for the device
                theta = torch.where(per_image(active, theta).bool(), theta, self.theta if start is None else start)
            theta = [theta]
        self._load(theta)
        self.note(shares=shares, x=x)

    def note(self, *, shares: dict[str, torch.Tensor] | None = None, x: torch.Tensor | None = None) -> None:
        """Say what the terms and the images at the current iterate are, so that nothing evaluates them again."""
        self._shares, self._x = shares, x

    def _load(self, values: Sequence[torch.Tensor]) -> None:
        for parameter, value in zip(self._parameters, values, strict=True):
            parameter.data = value
        self._shares = self._x = None


def _definer(g: Parametrisation, name: str) -> type:
    """The class that a method of `g` comes from."""
    return next((kind for kind in type(g).__mro__ if name in vars(kind)), object)


def _beside(weight: Weight, g: Parametrisation) -> Weight:
    """Weights for each image where theta is: brought there at each evaluation they could not be recorded."""
    theta = next(g.parameters(), None)
    return weight.to(theta.device) if isinstance(weight, torch.Tensor) and theta is not None else weight


def _distinct(masks: list[torch.Tensor | None]) -> tuple[list[torch.Tensor | None], list[int]]:
    """The different ones of some masks, with None first, and the place of each."""
    keys = [None if mask is None else tuple(mask.tolist()) for mask in masks]
    found = {None: None} | dict(zip(keys, masks, strict=True))
    return list(found.values()), [list(found).index(key) for key in keys]
