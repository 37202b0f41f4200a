"""The tasks on which restoration methods are compared: one operator and one noise level each, on ten photographs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from deeprestore_lab.core.checks import check_choice, check_images
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.images import gaussian_noise, hole_mask, photographs, random_mask, resize, text_mask
from deeprestore_lab.operators import Blur, Downsample, Identity, LinearOperator, Mask
from deeprestore_lab.signal.convolution import gaussian_kernel

SIZE = 96
SEED = 0
# Grey photographs that no prior, weight or denoiser that ships was learned from or chosen on (vgg_mini saw three).
PICTURES = (
    "astronaut", "camera", "cell", "chelsea", "clock", "coins", "hubble", "microaneurysms", "moon", "page",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What a method is given: the measurement `y`, the operator, the noise level and the shape of the answer."""

    task: str
    y: torch.Tensor
    operator: LinearOperator
    sigma: float
    shape: tuple[int, int, int, int]

    @property
    def data(self) -> GaussianLikelihood:
        """The data term: ||A x - y||^2 / (2 sigma^2)."""
        return GaussianLikelihood(self.operator, self.y, sigma=self.sigma)

    @property
    def start(self) -> torch.Tensor:
        """A first guess, of the answer's shape: the measurement, enlarged where small, its mean where nothing is."""
        if self.y.shape != self.shape:
            return resize(self.y, size=self.shape[-2:])
        if isinstance(self.operator, Mask):
            seen = self.operator(torch.ones(self.shape))
            mean = self.y.sum((1, 2, 3), keepdim=True) / seen.sum((1, 2, 3), keepdim=True)
            return torch.where(seen > 0, self.y, mean)
        return self.y

    def alone(self, index: int) -> "Problem":
        """The problem of one picture of the batch, with the noise and the mask that it has there."""
        A = self.operator
        if isinstance(A, Mask) and len(A.mask) > 1:
            A = Mask(A.mask[index : index + 1])
        return Problem(self.task, self.y[index : index + 1], A, self.sigma, (1, *self.shape[1:]))


@dataclass(frozen=True)
class Task:
    """A task: its name, its operator for pictures of a shape, and the standard deviation of its noise."""

    name: str
    operator: Callable[[torch.Tensor], LinearOperator]
    sigma: float

    def problem(self, x: torch.Tensor, *, seed: int = SEED) -> Problem:
        """The problem whose answer is `x` `(N, C, H, W)` in [0, 1]; noise by `seed`, none where a mask has no pixel.

        Raises `ValueError` for what is no image batch.
        """
        check_images(x, name="x")
        A = self.operator(x)
        y = A(x)
        noise = gaussian_noise(y, sigma=self.sigma, seed=seed)
        y = y + (A(noise) if isinstance(A, Mask) else noise)
        return Problem(self.name, y, A, self.sigma, tuple(x.shape))


def _hole(x: torch.Tensor) -> Mask:
    return Mask(hole_mask(x, size=x.shape[-1] // 6))


def _gaussian_blur(x: torch.Tensor) -> Blur:
    return Blur(gaussian_kernel(1.6), border="reflect")


def _box_blur(x: torch.Tensor) -> Blur:
    return Blur(torch.full((5, 5), 1 / 25), border="reflect")


TASKS = {
    task.name: task
    for task in (
        Task("noise 10", lambda x: Identity(), 10 / 255),
        Task("noise 25", lambda x: Identity(), 25 / 255),
        Task("noise 50", lambda x: Identity(), 50 / 255),
        Task("text", lambda x: Mask(text_mask(x)), 5 / 255),
        Task("half of the pixels", lambda x: Mask(random_mask(x, keep=0.5, seed=SEED)), 5 / 255),
        Task("a hole", _hole, 5 / 255),
        Task("2 times smaller", lambda x: Downsample(2), 2 / 255),
        Task("4 times smaller", lambda x: Downsample(4), 2 / 255),
        Task("Gaussian blur", _gaussian_blur, 2 / 255),
        Task("box blur", _box_blur, 2 / 255),
    )
}


def task(name: str) -> Task:
    """The task of a name. Raises `ValueError` that lists them for another.

    >>> task("noise 25").name
    'noise 25'
    """
    return TASKS[check_choice(name, tuple(TASKS), name="task")]


def pictures() -> torch.Tensor:
    """The ten photographs, grey, `(10, 1, 96, 96)` in [0, 1]."""
    return photographs(PICTURES, size=SIZE, grey=True)
