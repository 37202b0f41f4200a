"""The size of a linear map from a few products with it: Lanczos steps from a random image."""

import torch


def largest_ritz_value(operator, x: torch.Tensor, *, steps: int = 30) -> float:
    """The largest eigenvalue of A*A seen from the Krylov space of a random image like `x`: never above the true one.

    `operator` is a `LinearOperator`.
    """
    generator = torch.Generator().manual_seed(0)
    v, before = torch.randn(x.shape, generator=generator).to(x), torch.zeros_like(x)
    v, beta, diagonal, beside = v / v.norm(), 0.0, [], []
    for _ in range(steps):
        w = operator.adjoint(operator.apply(v)) - beta * before
        alpha = float((w * v).sum())
        w = w - alpha * v
        diagonal.append(alpha)
        beta = float(w.norm())
        if beta <= 1e-6 * max(diagonal):  # the space is exhausted
            break
        beside.append(beta)
        before, v = v, w / beta
    off = torch.tensor(beside[: len(diagonal) - 1], dtype=torch.float64)
    tridiagonal = torch.tensor(diagonal, dtype=torch.float64).diag() + off.diag(1) + off.diag(-1)
    return max(float(torch.linalg.eigvalsh(tridiagonal)[-1]), 0.0)
