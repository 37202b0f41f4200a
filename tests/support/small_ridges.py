"""A small ridge regulariser, pictures for it, and its dense Hessian."""

import torch
from torch.nn.functional import conv2d

from deeprestore_lab.priors import RidgeRegulariser

SIZE = (7, 6)


def regulariser(*, dtype: torch.dtype = torch.float64, seed: int = 0, count: int = 4) -> RidgeRegulariser:
    """Filters of 3 x 3 without a mean, and weights of both signs."""
    generator = torch.Generator().manual_seed(seed)
    filters = torch.randn(count, 1, 3, 3, generator=generator, dtype=dtype)
    weights = torch.randn(count, 3, generator=generator, dtype=dtype) + torch.tensor([2.0, 0.0, 0.0], dtype=dtype)
    return RidgeRegulariser(filters - filters.mean((2, 3), keepdim=True), weights)


def picture(n: int = 1, *, seed: int = 1, dtype: torch.dtype = torch.float64, channels: int = 1) -> torch.Tensor:
    return torch.randn(n, channels, *SIZE, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def hessian(r: RidgeRegulariser, x: torch.Tensor) -> torch.Tensor:
    """W^T diag(psi''(W x)) W, W by torch's correlation of every picture of one pixel, psi'' by autograd."""
    pixels = torch.eye(x.numel(), dtype=x.dtype).view(-1, 1, *x.shape[2:])
    rows = conv2d(pixels, r.filters).flatten(2)  # (pixels, K, places)
    z = conv2d(x, r.filters).flatten(2).requires_grad_()
    (slopes,) = torch.autograd.grad(r.potentials(z).sum(), z, create_graph=True)
    (bends,) = torch.autograd.grad(slopes.sum(), z)
    return torch.einsum("ikp,kp,jkp->ij", rows, bends[0], rows)
