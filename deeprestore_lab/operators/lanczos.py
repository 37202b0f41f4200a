"""The size of a linear map from a few products with it: Lanczos steps from a random image."""

import torch

from deeprestore_lab.core.checks import per_image


def largest_ritz_values(operator, x: torch.Tensor, *, steps: int = 30) -> torch.Tensor:
    """The largest eigenvalue of A*A seen from the Krylov space of a random image like those of `x`, `(N,)` in float64.

    It is never above the true one. `operator` is a `LinearOperator`, which may hold data for each image; the start is
    the same for all.
    """
    generator = torch.Generator().manual_seed(0)
    v, before = torch.randn(1, *x.shape[1:], generator=generator).to(x).expand_as(x), torch.zeros_like(x)
    v, beta, diagonal, beside = v / v[0].norm(), v.real.new_zeros(len(v)), [], []
    for _ in range(steps):
        w = operator.adjoint(operator.apply(v)) - per_image(beta, v) * before
        alpha = torch.linalg.vecdot(v.flatten(1), w.flatten(1)).real
        w = w - per_image(alpha, w) * v
        diagonal.append(alpha)
        beta = torch.linalg.vector_norm(w.flatten(1), dim=1)
        going = beta > 1e-6 * torch.stack(diagonal).amax(0)  # elsewhere the space is exhausted
        if not bool(going.any()):
            break
        beside.append(torch.where(going, beta, 0.0))
        before, v = v, w / per_image(torch.where(going, beta, torch.inf), w)
        beta = beside[-1]
    off = torch.stack([*beside, torch.zeros_like(beta)], 1)[:, : len(diagonal) - 1].double()
    tridiagonal = torch.diag_embed(torch.stack(diagonal, 1).double())
    tridiagonal = tridiagonal + torch.diag_embed(off, 1) + torch.diag_embed(off, -1)
    return torch.linalg.eigvalsh(tridiagonal)[:, -1].clamp_min(0)
