"""Nearest neighbours behind one small class: exact, or approximate by a graph (the extra `scale`)."""

import torch

from deeprestore_lab.core.checks import check_choice, check_whole, describe
from deeprestore_lab.measures.discrepancies import nearest

METHODS = ("exact", "graph")
CHUNK = 2**24  # numbers gathered at a time


class Neighbours:
    r"""The k rows of `reference` `(M, D)` nearest to a query by Euclidean distance, found by one of two methods.

    "exact" compares with every row: M D operations a query. "graph" walks greedily along a hierarchical graph of near
    rows (HNSW): about log(M) steps of `links` comparisons, with `effort` candidates kept on the way. Walks end at wrong
    rows more often the higher the dimension, since distances there become alike; `neighbour_recall` measures it. faiss
    builds and walks with one thread here: the graph is then the same each time. (On macOS PyTorch and faiss each bring
    an OpenMP library; where the second one aborts the process, set KMP_DUPLICATE_LIB_OK=TRUE.)

    `query(x, k=1)`, x `(N, D)`, gives distances `(N, k)`, the nearest first, in the units of the rows, and
    places `(N, k)`; a place that a graph did not find is -1, at the distance infinity. Raises `ValueError` for what
    does not fit, `ImportError` naming the extra where faiss is missing. Source: Malkov & Yashunin (2020), "Efficient
    and robust approximate nearest neighbor search using hierarchical navigable small world graphs". Taught in chapter
    13_generators.

    >>> distances, places = Neighbours(torch.tensor([[0.0], [3.0]])).query(torch.tensor([[2.0]]))
    >>> places.tolist(), distances.tolist()
    ([[1]], [[1.0]])
    """

    def __init__(self, reference: torch.Tensor, *, method: str = "exact", links: int = 16, effort: int = 64) -> None:
        if not isinstance(reference, torch.Tensor) or reference.ndim != 2 or not reference.is_floating_point():
            raise ValueError(f"reference must be a float tensor (M, D), got {describe(reference)}")
        if len(reference) == 0:
            raise ValueError(f"reference must not be empty, got {describe(reference)}")
        self.reference, self.method = reference.detach(), check_choice(method, METHODS, name="method")
        self.effort = check_whole(effort, name="effort", least=1)
        if method == "graph":
            faiss = _faiss()
            self.index = faiss.IndexHNSWFlat(reference.shape[1], check_whole(links, name="links", least=2))
            self.index.add(_rows(reference))

    @torch.no_grad()
    def query(self, x: torch.Tensor, *, k: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        if not isinstance(x, torch.Tensor) or x.ndim != 2 or x.shape[1] != self.reference.shape[1]:
            raise ValueError(f"x must be a float tensor (N, {self.reference.shape[1]}), got {describe(x)}")
        if check_whole(k, name="k", least=1) > len(self.reference):
            raise ValueError(f"the reference has {len(self.reference)} rows, {k} neighbours were asked for")
        if self.method == "exact":
            return nearest(x, self.reference, k=k)
        _faiss()
        self.index.hnsw.efSearch = max(self.effort, k)
        places = torch.from_numpy(self.index.search(_rows(x), k)[1]).to(x.device)
        return ranked(x, self.reference, places, k=k)


def ranked(
    x: torch.Tensor, reference: torch.Tensor, places: torch.Tensor, *, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k nearest of the candidates `places` `(N, K)`, -1 for none, by exact distance: distances and places `(N, k)`.

    >>> ranked(torch.zeros(1, 1), torch.tensor([[5.0], [2.0]]), torch.tensor([[0, 1, -1]]), k=1)
    (tensor([[2.]]), tensor([[1]]))
    """
    size = max(1, CHUNK // (places.shape[1] * reference.shape[1]))
    parts = []
    for rows, some in zip(x.split(size), places.split(size), strict=True):
        distances = (rows[:, None] - reference[some.clamp(min=0)]).norm(dim=2)
        parts.append(distances.masked_fill(some < 0, torch.inf))
    distances, order = torch.cat(parts).sort(dim=1, stable=True)
    return distances[:, :k], places.gather(1, order)[:, :k]


def neighbour_recall(found: torch.Tensor, true: torch.Tensor) -> float:
    """Recall@k: the share of the true k neighbours `(N, k)` that are among those found `(N, K)`, in any order.

    Raises `ValueError` for other shapes. Taught in chapter 13_generators.

    >>> neighbour_recall(torch.tensor([[4, 7]]), torch.tensor([[7, 9]]))
    0.5
    """
    if found.ndim != 2 or true.ndim != 2 or len(found) != len(true):
        raise ValueError(f"places must be (N, k) of the same N, got {describe(found)} and {describe(true)}")
    return float((true[:, :, None] == found[:, None, :]).any(dim=2).double().mean())


def _rows(x: torch.Tensor):
    return x.detach().to("cpu", torch.float32).contiguous().numpy()


def _faiss():
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            "approximate neighbours need faiss, which is an extra: pip install 'deeprestore_lab[scale]'"
        ) from error
    faiss.omp_set_num_threads(1)
    return faiss
