"""Small operators with known answers, and seeded random images: what several tests of the energies look at."""

import torch

from deeprestore_lab.operators.base import LinearOperator, Operator


class Half(LinearOperator):
    """Every second row, twice as bright: a small linear operator with a known transpose."""

    def apply(self, x):
        return 2 * x[:, :, ::2]

    def adjoint(self, y):
        x = y.new_zeros(y.shape[0], y.shape[1], 2 * y.shape[2], y.shape[3])
        x[:, :, ::2] = 2 * y
        return x


class Square(Operator):
    """x^2: an operator that is not linear."""

    def apply(self, x):
        return x.square()


class Network(torch.nn.Module):
    """A network with a layer called `linear`: it is not therefore a linear operator."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(5, 5, dtype=torch.float64)

    def forward(self, x):
        return self.linear(x).relu()


def images(n=2, c=3, h=4, w=5, seed=0):
    return torch.rand(n, c, h, w, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
