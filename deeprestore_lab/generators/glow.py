"""The three learned steps of Glow: a scale and shift, a mixing of channels, and a coupling of two halves."""

import torch
from torch import nn
from torch.linalg import solve_triangular

from deeprestore_lab.core.checks import check_positive, check_seed, check_whole, describe
from deeprestore_lab.generators.invertible import Invertible, Mapped


def _places(x: torch.Tensor, channels: int) -> int:
    """How many places share the channels: 1 for vectors `(N, C)`, H W for images. Raises `ValueError` for others."""
    if x.ndim not in (2, 4) or x.shape[1] != channels or not x.is_floating_point():
        raise ValueError(f"x must be a float tensor (N, {channels}) or (N, {channels}, H, W), got {describe(x)}")
    return x[0, 0].numel()


class ActNorm(Invertible):
    r"""z = (x + b) exp(s), with a shift b and a log-scale s for each channel; log |det| = H W sum_c s_c.

    `initialise(x)` sets them so that z has mean 0 and variance 1 in each channel of that batch; after it they are
    learned as others are. Vectors `(N, C)` or images `(N, C, H, W)`; b has the units of x. Raises `ValueError` for
    another number of channels, and on `initialise` for fewer than 2 values a channel or a channel that is constant.
    Source: Kingma & Dhariwal (2018), "Glow", section 3.1. Taught in chapter 13_generators.

    >>> norm = ActNorm(2)
    >>> norm.initialise(torch.tensor([[1.0, 5.0], [3.0, 9.0]]))
    >>> norm(torch.tensor([[3.0, 9.0]])).z.tolist()
    [[1.0, 1.0]]
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = check_whole(channels, name="channels", least=1)
        self.shift, self.log_scale = (nn.Parameter(torch.zeros(self.channels)) for _ in range(2))

    def forward(self, x: torch.Tensor) -> Mapped:
        places, (shift, log_scale) = _places(x, self.channels), self._per_channel(x)
        return Mapped((x + shift) * log_scale.exp(), (places * self.log_scale.sum()).expand(len(x)))

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        shift, log_scale = self._per_channel(z)
        return z * (-log_scale).exp() - shift

    @torch.no_grad()
    def initialise(self, x: torch.Tensor) -> None:
        places, rows = _places(x, self.channels), x.transpose(0, 1).flatten(1)
        spread = rows.std(1, correction=0)
        if len(x) * places < 2 or not bool((spread > 0).all()):
            raise ValueError(f"a first batch needs channels that vary; {int((spread == 0).sum())} do not")
        self.shift.copy_(-rows.mean(1))
        self.log_scale.copy_(-spread.log())

    def _per_channel(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [value.reshape(-1, *[1] * (x.ndim - 2)) for value in (self.shift, self.log_scale)]


class LinearMixing(Invertible):
    r"""z = W x across channels, at each place; W = P L (U + diag(sign exp(s))); log |det| = H W sum_c s_c.

    P is a permutation and L has ones on its diagonal, so the determinant is read off, and the inverse is two triangular
    solves. W starts as a random rotation of `seed`. P and the signs stay, so W never becomes singular on its way.
    Vectors `(N, C)` or images `(N, C, H, W)` (the invertible 1 x 1 convolution); no units. Raises `ValueError` for
    another number of channels. Source: Kingma & Dhariwal (2018), equations 9 to 11. Taught in chapter 13_generators.

    >>> mixing = LinearMixing(3)
    >>> torch.linalg.det(mixing.matrix()).abs()  # a rotation
    tensor(1.0000, grad_fn=<AbsBackward0>)
    """

    def __init__(self, channels: int, *, seed: int = 0) -> None:
        super().__init__()
        self.channels = check_whole(channels, name="channels", least=1)
        generator = torch.Generator().manual_seed(check_seed(seed))
        start = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
        permutation, lower, upper = torch.linalg.lu(torch.linalg.qr(start).Q)
        diagonal = upper.diagonal()
        self.register_buffer("permutation", permutation.float())
        self.register_buffer("sign", diagonal.sign().float())
        self.lower, self.upper = nn.Parameter(lower.tril(-1).float()), nn.Parameter(upper.triu(1).float())
        self.log_scale = nn.Parameter(diagonal.abs().log().float())

    def matrix(self) -> torch.Tensor:
        """W, `(C, C)`."""
        lower, upper = self._factors()
        return self.permutation @ lower @ upper

    def forward(self, x: torch.Tensor) -> Mapped:
        places = _places(x, self.channels)
        z = torch.einsum("ij,nj...->ni...", self.matrix(), x)
        return Mapped(z, (places * self.log_scale.sum()).expand(len(x)))

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        lower, upper = self._factors()
        columns = self.permutation.T @ z.transpose(0, 1).flatten(1)
        columns = solve_triangular(lower, columns, upper=False, unitriangular=True)
        columns = solve_triangular(upper, columns, upper=True)
        return columns.unflatten(1, (len(z), *z.shape[2:])).transpose(0, 1)

    def _factors(self) -> tuple[torch.Tensor, torch.Tensor]:
        one = torch.eye(self.channels, dtype=self.lower.dtype, device=self.lower.device)
        return self.lower.tril(-1) + one, self.upper.triu(1) + (self.sign * self.log_scale.exp()).diag()


class AffineCoupling(Invertible):
    r"""z_1 = x_1, z_2 = x_2 exp(s(x_1)) + t(x_1); log |det| = sum s(x_1). One half of the channels moves the other.

    `network` gives (r, t) side by side along the channels from x_1, and s = c tanh(r / c) with c = `bound`, so that no
    factor leaves [exp(-c), exp(c)]. The Jacobian is triangular whatever the network does: it need not be invertible,
    and ReLU or LeakyReLU will do. x_1 has floor(C / 2) channels. Vectors `(N, C)` or images `(N, C, H, W)`; no units.

    Differs from the source in s: Glow has log sigmoid(r + 2), which is not bounded below. Raises `ValueError` for fewer
    than 2 channels, another number of channels and a network whose output does not fit. Source: Dinh, Sohl-Dickstein &
    Bengio (2017), equations 4 to 8. Taught in chapter 13_generators.

    >>> coupling = AffineCoupling(4, nn.Linear(2, 4))
    >>> x = torch.randn(3, 4)
    >>> torch.allclose(coupling.inverse(coupling(x).z), x, atol=1e-5)
    True
    """

    def __init__(self, channels: int, network: nn.Module, *, bound: float = 2.0) -> None:
        super().__init__()
        self.channels, self.network = check_whole(channels, name="channels", least=2), network
        self.bound = check_positive(bound, name="bound", single=True)

    def forward(self, x: torch.Tensor) -> Mapped:
        _places(x, self.channels)
        first, second = x.tensor_split([self.channels // 2], dim=1)
        s, t = self._moves(first, second)
        return Mapped(torch.cat([first, second * s.exp() + t], dim=1), s.flatten(1).sum(1))

    def inverse(self, z: torch.Tensor) -> torch.Tensor:
        first, second = z.tensor_split([self.channels // 2], dim=1)
        s, t = self._moves(first, second)
        return torch.cat([first, (second - t) * (-s).exp()], dim=1)

    def _moves(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        moves = self.network(first)
        if moves.shape != (len(second), 2 * second.shape[1], *second.shape[2:]):
            raise ValueError(f"the network must give {2 * second.shape[1]} channels, one pair for each of x_2's, "
                             f"got {describe(moves)}")  # fmt: skip
        r, t = moves.chunk(2, dim=1)
        return self.bound * torch.tanh(r / self.bound), t
