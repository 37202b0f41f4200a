"""Exact nearest neighbours among many rows, in chunks; and the reverse Chamfer distance, which is made of them."""

import torch

from deeprestore_lab.core.checks import check_whole, describe
from deeprestore_lab.measures.discrepancies.samples import check_pair

CHUNK = 2**25  # entries of a block of the matrix of distances: 128 MiB in float32
SPARE = 8  # more candidates than asked for, for the rounding of products


def nearest(
    query: torch.Tensor, reference: torch.Tensor, *, k: int = 1, leave_out_itself: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Distances |q - r| `(N, k)` to the `k` nearest rows of `reference`, the nearest first, and their places `(N, k)`.

    Candidates come from |q|^2 - 2 <q, r> + |r|^2, one matrix product for a chunk of queries, with both sides moved to
    the reference's mean so that little cancels; a few more than `k` are kept, and their distances are taken again from
    differences. Queries for which the bound of the products' rounding does not settle who is nearest are compared with
    all rows by differences. So the answer is that of brute force, and a matrix of 10,000 x 60,000 is never in memory.
    The distances are differentiable in both arguments (the choice of neighbours has no slope). With `leave_out_itself`
    both are the same rows and no row finds itself.

    Shapes: `query` `(N, D)`, `reference` `(M, D)`. Units: those of the entries. Raises `ValueError` for shapes that do
    not fit and more neighbours than there are. Taught in chapter 12_latent_autoencoder.

    >>> distances, places = nearest(torch.tensor([[0.9]]), torch.tensor([[0.0], [1.0], [4.0]]), k=2)
    >>> distances, places.tolist()
    (tensor([[0.1000, 0.9000]]), [[1, 0]])
    """
    check_pair(query, reference, names=("query", "reference"))
    if leave_out_itself and query.shape != reference.shape:
        raise ValueError(
            f"to leave itself out, query must be the reference, got {describe(query)} and {describe(reference)}"
        )
    if check_whole(k, name="k", least=1) > len(reference) - leave_out_itself:
        raise ValueError(f"the reference has {len(reference)} rows, {k} neighbours were asked for")
    with torch.no_grad():
        places = _places(query, reference, k, leave_out_itself)
    return _distances(query, reference, places), places


def _places(query: torch.Tensor, reference: torch.Tensor, k: int, leave_out_itself: bool) -> torch.Tensor:
    middle = reference.mean(0)
    centred = (reference - middle).T.contiguous()
    squares, size = centred.square().sum(0), max(1, CHUNK // len(reference))
    kept, parts = min(k + SPARE, len(reference) - leave_out_itself), []
    for begin in range(0, len(query), size):
        rows, own = query[begin : begin + size], torch.arange(begin, min(begin + size, len(query)), device=query.device)
        block = torch.addmm(squares, rows - middle, centred, alpha=-2)  # (n, M), less |q|^2: the order is the same
        if leave_out_itself:
            block.scatter_(1, own[:, None], torch.inf)
        values, candidates = block.topk(kept, dim=1, largest=False)
        candidates, last = candidates.sort(dim=1).values, values[:, -1]
        distances, order = _distances(rows, reference, candidates).sort(dim=1, stable=True)
        found = candidates.gather(1, order[:, :k])
        lengths = (rows - middle).norm(dim=1)
        rounding = (query.shape[1] + 2) * torch.finfo(query.dtype).eps * (lengths + squares.max().sqrt()).square()
        sure = distances[:, k - 1].square() + rounding < last + lengths.square()
        if kept < len(reference) - leave_out_itself and not sure.all():
            unsure = (~sure).nonzero()[:, 0]
            found[unsure] = _by_differences(rows[unsure], reference, k, own[unsure] if leave_out_itself else None)
        parts.append(found)
    return torch.cat(parts)


def _by_differences(
    query: torch.Tensor, reference: torch.Tensor, k: int, left_out: torch.Tensor | None
) -> torch.Tensor:
    """The places of the nearest rows without products; `left_out` holds a place that each query may not find."""
    distances = torch.cdist(query, reference, compute_mode="donot_use_mm_for_euclid_dist")
    if left_out is not None:
        distances.scatter_(1, left_out[:, None], torch.inf)
    return distances.sort(dim=1, stable=True).indices[:, :k]


def _distances(query: torch.Tensor, reference: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """|q_i - r_places[i, j]|, `(N, k)`, one column at a time: nothing of size `(N, k, D)` is kept."""
    columns = [torch.linalg.vector_norm(query - reference[column], dim=1) for column in places.T]
    return torch.stack(columns, dim=1)


def reverse_chamfer(samples: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    r"""The mean squared distance of a sample's rows to their nearest rows of the reference, a scalar; differentiable.

        1/N sum_i min_j |s_i - r_j|^2

    One half of the Chamfer distance, and the half that sees no missing part: samples that all lie on one row of the
    reference give 0. As a loss it pulls decoded points onto data, wherever they are nearest; by itself it lets
    a decoder fall onto one class. Shapes: `samples` `(N, D)`, `reference` `(M, D)`. Units: those of the entries,
    squared. Raises `ValueError` for shapes that do not fit. Source: Fan et al. (2017), the Chamfer distance. Taught in
    chapter 12_latent_autoencoder.

    >>> float(reverse_chamfer(torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [5.0]])))
    2.0
    """
    check_pair(samples, reference, names=("samples", "reference"))
    return nearest(samples, reference)[0].square().mean()
