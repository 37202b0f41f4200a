"""Small batches on least squares: when the mean square of the error grows, and where it stays."""

import torch

from deeprestore_lab.core.checks import check_positive, check_seed, check_whole
from deeprestore_lab.training.batch_gradients import share_of_variance
from deeprestore_lab.training.least_squares import LeastSquares


class MeanSquare:
    r"""The second moment M = E[e e^T] of the error e = theta - minimiser, from step to step.

    A batch of B examples has its own Hessian H_B with mean H, and e <- (I - lr H_B) e + lr n with noise n from what the
    best filter leaves over. Once the mean of e has died out, M <- M - lr (H M + M H) + lr^2 Q(M) + lr^2 c C, where
    Q(M) = E[H_B M H_B] = (1 - c) H M H + c E[a a^T M a a^T], C is the covariance of the examples' gradients at
    the minimiser, and c = 1/B with replacement, (n - B) / (B (n - 1)) without. The mean square stays bounded for

        lr < 1 / largest eigenvalue of (M -> H M + M H)^-1 Q.

    For full batches, c = 0, this is 2/L; for smaller ones it is lower. Directions that no example has are left out.
    Memory and time grow as P^4 and P^6: for filters. Source: Defossez & Bach (2015), "Averaged least-mean-squares:
    bias-variance trade-offs and optimal sampling distributions", section 3. Taught in chapter 05_learning_filters.

    >>> problem = LeastSquares(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 2.0]))
    >>> round(MeanSquare(problem, 1).threshold(), 4), round(2 / 5, 4)  # 2 E[a^2] / E[a^4], and 2/L
    (0.2439, 0.4)
    """

    def __init__(self, problem: LeastSquares, batch_size: int, *, replace: bool = True) -> None:
        share = share_of_variance(problem.inputs, batch_size, replace=replace)
        h, basis = torch.linalg.eigh(problem.hessian.double())
        kept = h > h[-1] * 1e-10 * len(h)
        h, inputs = h[kept], problem.inputs.double() @ basis[:, kept]
        row, column = torch.triu_indices(len(h), len(h))  # symmetric matrices in an orthonormal basis
        scale = torch.where(row == column, 1.0, 2.0).double().sqrt()
        squares = inputs[:, row] * inputs[:, column] * scale  # (n, P (P + 1) / 2): each a a^T
        residual = problem.inputs.double() @ problem.minimiser.double() - problem.targets.double()
        self.pull = h[row] + h[column]  # H M + M H
        self.scatter = share * squares.mT @ squares / len(inputs)
        self.scatter.diagonal().add_((1 - share) * h[row] * h[column])  # Q
        self.noise = share * (squares * residual.square()[:, None]).mean(0)  # c C
        self.height = torch.where(row == column, h[row] / 2, 0.0)  # tr(H M) / 2

    def threshold(self) -> float:
        """The step above which the mean square grows without bound."""
        root = self.pull.sqrt()
        return 1 / float(torch.linalg.eigvalsh(self.scatter / root / root[:, None])[-1])

    def growth(self, lr: float) -> float:
        """What the mean square is multiplied by in each step, in the long run and without the noise n.

        Raises `ValueError` for an lr that is not above 0.
        """
        check_positive(lr, name="lr", single=True)
        return float(torch.linalg.eigvalsh(torch.diag(1 - lr * self.pull) + lr**2 * self.scatter)[-1])

    def plateau(self, lr: float) -> float:
        """The mean loss above its minimum at which a constant step stays; infinite from the threshold on.

        Raises `ValueError` for an lr that is not above 0.
        """
        if check_positive(lr, name="lr", single=True) >= self.threshold():
            return float("inf")
        moment = torch.linalg.solve(torch.diag(self.pull) - lr * self.scatter, lr * self.noise)
        return float(self.height @ moment)


def measured_growth(
    problem: LeastSquares, *, lr: float, batch_size: int, runs: int = 500, steps: int = 200, seed: int = 0
) -> tuple[float, float]:
    r"""What one step multiplies ||e||^2 by: the mean over runs, and a typical run; without noise, with replacement.

    Two runs with the same batches differ by e <- (I - lr H_B) e, noise or not; this follows such differences. The mean
    is one over ever new batches, and rare batches dominate it: so after each step runs are drawn anew with
    probabilities ||e||^2 and set to the same length, and the mean factor is read at each step. The typical one is the
    exponential of the mean logarithm, with no such choice: what a single long run does. The first half of the steps
    is left out. Raises `ValueError` for settings that do not fit. Taught in chapter 05_learning_filters.
    """
    draw = torch.Generator().manual_seed(check_seed(seed))
    count, width = problem.inputs.shape
    check_whole(runs, name="runs", least=1)
    check_whole(steps, name="steps", least=2)
    check_whole(batch_size, name="batch_size", least=1)
    check_positive(lr, name="lr", single=True)
    error = torch.randn(2, runs, width, generator=draw, dtype=torch.float64)  # chosen anew, and left alone
    inputs, means, logarithms = problem.inputs.double(), [], []
    for _ in range(steps):
        error = error / error.norm(dim=2, keepdim=True)
        seen = inputs[torch.randint(count, (2, runs, batch_size), generator=draw)]  # (2, runs, B, P)
        residual = seen @ error[..., None]
        error = error - lr * (seen.mT @ residual)[..., 0] / batch_size
        size = error.square().sum(2)
        means.append(size[0].mean().log())
        logarithms.append(size[1].log().mean())
        chosen = torch.multinomial(size[0], runs, replacement=True, generator=draw)
        error = torch.stack([error[0, chosen], error[1]])
    kept = slice(steps // 2, None)
    return tuple(float(torch.stack(values[kept]).mean().exp()) for values in (means, logarithms))
