"""Inner products and norms of each image of a batch, real or complex."""

import torch


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Re <a, b> of each entry, `(N, ...), (N, ...) -> (N,)`, real for complex values too."""
    if a.is_complex():
        a, b = torch.view_as_real(a), torch.view_as_real(b)
    return (a * b).flatten(1).sum(1)


def norm(a: torch.Tensor) -> torch.Tensor:
    """||a|| of each entry, `(N, ...) -> (N,)`."""
    parts = torch.view_as_real(a) if a.is_complex() else a
    return (parts * parts).flatten(1).sum(1).sqrt()
