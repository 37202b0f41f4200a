r"""The primal-dual iteration of total variation denoising.

With K the forward differences and u the dual variable, at most 1 in the norm of each pixel, the denoised image is
in the saddle point of 1/2 ||x - v||^2 + weight <K x, u>. Accelerated steps find it: algorithm 2 of Chambolle & Pock
(2011). Differs from the source in the product of the two step sizes, which is 1.3 / ||K||^2 where the paper has 1:
He, Ma, Xu & Yuan (2022) prove convergence up to 4/3 for steps that stay the same. The duality gap, which bounds the
error whatever the steps, says when to stop.
"""

import torch

STEP_PRODUCT = 1.3 / 8  # of the primal and the dual step size; ||K||^2 is at most 8
FIRST_PRIMAL_STEP = 0.5
CONVEXITY = 0.5  # as used for the acceleration; 1/2 ||x - v||^2 has 1, below it the last digits come sooner


class PrimalDual:
    """The iteration for images divided by their weight, which makes every weight 1 and all step sizes the same."""

    def __init__(
        self,
        v: torch.Tensor,
        weight: torch.Tensor,
        u: torch.Tensor,
        bounds: tuple[float, float] | None,
        *,
        kind: str,
        colour: str,
    ) -> None:
        self.kind, self.colour, self.count = kind, colour, 0
        self.primal_step = FIRST_PRIMAL_STEP
        self.v, self.down, self.right = v / weight, u[:, 0].clone(), u[:, 1].clone()
        self.bounds = None if bounds is None else [bound / weight for bound in bounds]
        self.explained, self.scratch = torch.empty_like(v), torch.empty_like(v)
        self._groups = self._grouped(self.down, self.right)
        self._explain()
        self.x, self.ahead = self.explained.clone(), self.explained.clone()

    def keep(self, going: torch.Tensor) -> None:
        """Drop the images that are done."""
        for name in ("v", "x", "ahead", "down", "right", "explained", "scratch"):
            setattr(self, name, getattr(self, name)[going])
        self._groups = self._grouped(self.down, self.right)
        if self.bounds is not None:
            self.bounds = [bound[going] for bound in self.bounds]

    def advance(self, count: int) -> None:
        """Iterate until `count` iterations are done in all."""
        while self.count < count:
            self.count += 1
            tau, sigma = self.primal_step, STEP_PRODUCT / self.primal_step
            ahead = self.ahead
            self.down[..., :-1, :].add_(ahead[..., 1:, :], alpha=sigma).sub_(ahead[..., :-1, :], alpha=sigma)
            self.right[..., :-1].add_(ahead[..., 1:], alpha=sigma).sub_(ahead[..., :-1], alpha=sigma)
            self._project()
            target = self._explain(project=False)
            momentum, pull = (1 + 2 * CONVEXITY * tau) ** -0.5, tau / (1 + tau)
            self.primal_step *= momentum
            if self.bounds is None:  # x moves by `pull` towards the target, and `ahead` on by the momentum
                torch.lerp(self.x, target, pull * (1 + momentum), out=ahead)
                self.x.lerp_(target, pull)
            else:
                new = self._clamp(torch.lerp(self.x, target, pull, out=target))
                torch.lerp(self.x, new, 1 + momentum, out=ahead)
                self.x.copy_(new)

    def _explain(self, *, project: bool = True) -> torch.Tensor:
        """v - K*u, within the bounds: the best x for this dual variable."""
        d = torch.add(self.v, self.down, out=self.explained).add_(self.right)
        d[..., 1:, :].sub_(self.down[..., :-1, :])
        d[..., 1:].sub_(self.right[..., :-1])
        return self._clamp(d) if project and self.bounds is not None else d

    def _clamp(self, x: torch.Tensor) -> torch.Tensor:
        return torch.minimum(torch.maximum(x, self.bounds[0], out=x), self.bounds[1], out=x)

    def _project(self) -> None:
        """Shorten the dual variable of each pixel to length 1 where it is longer."""
        if self.kind == "anisotropic" and self.colour == "channel":
            self.down.clamp_(-1, 1)
            self.right.clamp_(-1, 1)
            return
        for parts in self._groups:
            factor = self._squared_norm(parts).clamp_(min=1).rsqrt_()
            for part in parts:
                part.mul_(factor)

    def _grouped(self, down: torch.Tensor, right: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
        """The differences whose norm is taken together."""
        return [(down, right)] if self.kind == "isotropic" else [(down,), (right,)]

    def _squared_norm(self, parts: tuple[torch.Tensor, ...]) -> torch.Tensor:
        total = torch.mul(parts[0], parts[0], out=self.scratch)
        for part in parts[1:]:
            total.addcmul_(part, part)
        return total.sum(1, keepdim=True) if self.colour == "joint" else total

    def relative_gap(self) -> tuple[torch.Tensor, torch.Tensor]:
        r"""The duality gap over the primal value, at x and u, `(n,)`, and the primal value.

        With c = v - K*u and d = P(c), P the projection onto the bounds, the gap is
        TV(x) - <K x, u> + 1/2 ||x - d||^2 + <x - d, d - c>: no term of it is negative.
        """
        down, right = torch.zeros_like(self.x), torch.zeros_like(self.x)
        torch.sub(self.x[..., 1:, :], self.x[..., :-1, :], out=down[..., :-1, :])
        torch.sub(self.x[..., 1:], self.x[..., :-1], out=right[..., :-1])
        variation = 0.0
        for parts in self._grouped(down, right):
            variation = variation + self._squared_norm(parts).sqrt_().flatten(1).sum(1)
        explained = _sum(down.mul_(self.down).addcmul_(right, self.right))
        gap = variation - explained
        if self.bounds is None:
            gap += _sum(torch.sub(self.x, self._explain(), out=self.scratch).square_()) / 2
        else:
            outside = self._explain(project=False).clone()
            inside = self._explain()
            gap += _sum((self.x - inside) * ((self.x + inside) / 2 - outside))
        primal = variation + _sum(torch.sub(self.x, self.v, out=self.scratch).square_()) / 2
        return gap / primal.clamp_min(torch.finfo(primal.dtype).tiny), primal


def _sum(x: torch.Tensor) -> torch.Tensor:
    return x.flatten(1).sum(1)
