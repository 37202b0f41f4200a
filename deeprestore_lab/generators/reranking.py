"""The remedy where approximate neighbours fail: search in few dimensions, then compare exactly."""

from collections.abc import Callable

import torch

from deeprestore_lab.core.checks import check_seed, check_whole
from deeprestore_lab.generators.neighbours import Neighbours, ranked


class Reranked:
    r"""Search where neighbours are cheap and reliable, in `small(reference)`, then rank `candidates` by true distance.

    `small` maps rows `(N, D)` to `(N, e)` with e well below D: a matrix `(D, e)` (`principal_projection`), or a
    function, an encoder, say. The search there is a `Neighbours` of `method`; the `candidates` nearest there are
    compared exactly in D dimensions. A neighbour is lost only where `small` puts more than `candidates` others before
    it. Shapes, units and what `query` gives are those of `Neighbours`. Raises `ValueError` for what does not fit.
    Taught in chapter 13_generators.

    >>> reference = torch.tensor([[0.0, 0.0], [3.0, 9.0], [2.5, 0.0]])
    >>> Reranked(reference, torch.eye(2)[:, :1], candidates=2).query(torch.tensor([[3.0, 0.0]]))[1].item()
    2
    """

    def __init__(
        self,
        reference: torch.Tensor,
        small: torch.Tensor | Callable[[torch.Tensor], torch.Tensor],
        *,
        candidates: int = 50,
        method: str = "exact",
        links: int = 16,
        effort: int = 64,
    ) -> None:
        self.reference, self.small = reference.detach(), small if callable(small) else lambda rows: rows @ small
        self.candidates = min(check_whole(candidates, name="candidates", least=1), len(reference))
        with torch.no_grad():
            self.search = Neighbours(self.small(reference), method=method, links=links, effort=effort)

    @torch.no_grad()
    def query(self, x: torch.Tensor, *, k: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        if check_whole(k, name="k", least=1) > self.candidates:
            raise ValueError(f"{k} neighbours cannot come from {self.candidates} candidates")
        return ranked(x, self.reference, self.search.query(self.small(x), k=self.candidates)[1], k=k)


def principal_projection(reference: torch.Tensor, dimensions: int) -> torch.Tensor:
    """The orthonormal matrix `(D, dimensions)` onto the directions in which `reference` `(M, D)` varies most.

    Distances only shrink under it, and least on average among matrices of that size. Raises `ValueError` for more
    dimensions than D. Taught in chapter 13_generators.

    >>> principal_projection(torch.tensor([[0.0, 1.0], [0.0, 3.0]]), 1).abs()
    tensor([[0.],
            [1.]])
    """
    if check_whole(dimensions, name="dimensions", least=1) > reference.shape[1]:
        raise ValueError(f"rows have {reference.shape[1]} values, {dimensions} dimensions were asked for")
    centred = reference - reference.mean(0)
    return torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -dimensions:].flip(1)


def random_projection(inputs: int, dimensions: int, *, seed: int = 0) -> torch.Tensor:
    r"""Normal numbers of variance 1 / dimensions, `(inputs, dimensions)`: squared lengths keep their mean.

    Their relative standard deviation is sqrt(2 / dimensions), whatever `inputs` is. Raises `ValueError` for counts
    below 1. Source: Johnson & Lindenstrauss (1984). Taught in chapter 13_generators.

    >>> random_projection(784, 32).shape
    torch.Size([784, 32])
    """
    shape = check_whole(inputs, name="inputs", least=1), check_whole(dimensions, name="dimensions", least=1)
    return torch.randn(shape, generator=torch.Generator().manual_seed(check_seed(seed))) / dimensions**0.5
