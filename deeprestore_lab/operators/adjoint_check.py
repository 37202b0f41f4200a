"""Whether an adjoint is the transpose of its operator: for an operator of one's own."""

import torch

from deeprestore_lab.core.checks import check_images, check_positive, check_seed, describe
from deeprestore_lab.operators.base import LinearOperator


def check_adjoint(operator: LinearOperator, x: torch.Tensor, *, tolerance: float | None = None, seed: int = 0) -> None:
    r"""Raise `ValueError` unless Re <A u, v> = <u, A* v> for random u, v, each image of the batch by itself.

    `x` `(N, C, H, W)` gives the shape, precision and device of the images u; its values do not matter. The difference
    counts relative to the larger of ||A u|| ||v|| and ||u|| ||A* v||, and may be up to `tolerance`: by default 1e-5 in
    float32, 1e-12 in float64, where mistakes show best. Raises `ValueError` also for what is no linear operator and
    for an adjoint that gives another shape than that of x.

    >>> from deeprestore_lab.operators import Gradient
    >>> check_adjoint(Gradient(), torch.zeros(1, 1, 8, 8))
    """
    if not isinstance(operator, LinearOperator):
        raise ValueError(f"operator must be a LinearOperator, got {describe(operator)}")
    check_images(x)
    usual = 1e-12 if x.dtype == torch.float64 else 1e-5
    tolerance = usual if tolerance is None else check_positive(tolerance, name="tolerance", single=True)
    generator = torch.Generator().manual_seed(check_seed(seed))
    with torch.no_grad():
        u = torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device)
        seen = operator(u)
        v = torch.randn(seen.shape, generator=generator, dtype=seen.dtype).to(seen.device)
        back = operator.adjoint(v)
    if back.shape != u.shape:
        raise ValueError(f"the adjoint of {operator.name} must give {describe(u)}, got {describe(back)}")
    u, seen, v, back = (part.flatten(1) for part in (u, seen, v, back))
    forth = torch.linalg.vecdot(seen, v).real
    difference = (forth - torch.linalg.vecdot(u, back)).abs()
    lengths = [torch.linalg.vector_norm(part, dim=1) for part in (u, seen, v, back)]
    scale = torch.maximum(lengths[1] * lengths[2], lengths[0] * lengths[3])
    relative = float((difference / scale.clamp_min(torch.finfo(scale.dtype).tiny)).max())
    if not relative <= tolerance:
        raise ValueError(
            f"the adjoint of {operator.name} is not its transpose: <A u, v> and <u, A* v> differ by {relative:.3g} "
            f"of ||A u|| ||v|| or ||u|| ||A* v||, and {tolerance:.3g} is allowed"
        )
