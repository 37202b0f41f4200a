"""The auto-encoder as a generator: it has no density of codes, so samples need one from elsewhere."""

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole
from deeprestore_lab.networks import BoundedAutoEncoder


class AutoEncoder(BoundedAutoEncoder):
    r"""losses(x) = |D(E(x)) - x|^2, a sum over the pixels; samples are D(u).

    Nothing in the loss says how the codes lie in the cube, so there is no law to draw u from: uniform u fall into holes
    between the codes. `sample(codes=...)` draws instead from a normal law fitted to the logits of given codes (a
    density put there afterwards). P(I) it does not give: exp(-|D(E(I)) - I| / T) is not normalised, and has no finite
    integral where the error does not grow. Settings are those of `BoundedAutoEncoder`.

    Shapes: images `(N, *shape)` in [0, 1]. Raises `ValueError` for what does not fit. Source: Ghosh et al. (2020),
    "From variational to deterministic autoencoders", section 4, for the density afterwards. Taught in chapter
    13_generators.

    >>> model = AutoEncoder(latent=4, widths=(16,), shape=(1, 8, 8))
    >>> model.losses(torch.rand(3, 1, 8, 8), torch.zeros(3, 0)).shape, model.sample(5).shape
    (torch.Size([3]), torch.Size([5, 1, 8, 8]))
    """

    noise = 0

    def losses(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """|D(E(x)) - x|^2 `(N,)`; what `train` lowers. `noise` is empty, `(N, 0)`."""
        return (self(check_images(x)) - x).square().flatten(1).sum(1)

    @torch.no_grad()
    def sample(self, count: int, *, seed: int = 0, codes: torch.Tensor | None = None) -> torch.Tensor:
        """`(count, *shape)`: D(u) of uniform u, or of u with the mean and covariance of the logits of `codes`."""
        generator = torch.Generator().manual_seed(check_seed(seed))
        count = check_whole(count, name="count", least=1)
        if codes is None:
            return self.decode(torch.rand(count, self.latent, generator=generator).to(self.mean))
        logits = codes.clamp(1e-6, 1 - 1e-6).logit()
        return self.decode(normal_like(logits, count, generator=generator).sigmoid())


def normal_like(points: torch.Tensor, count: int, *, generator: torch.Generator) -> torch.Tensor:
    """`(count, d)` draws of the normal law with the mean and the covariance of `points` `(N, d)`, N of at least 2.

    Raises `ValueError` for fewer than two points.

    >>> normal_like(torch.zeros(5, 2), 3, generator=torch.Generator()).shape
    torch.Size([3, 2])
    """
    rows = check_whole(len(points), name="the number of points", least=2)
    middle = points.mean(0)
    # N - 1 in place of a factorisation of the covariance: (X - m)^T e / sqrt(N - 1) has it, singular or not
    # on the CPU: another device may give a singular vector the other sign, and with it another draw
    _, values, vectors = torch.linalg.svd((points - middle).cpu(), full_matrices=False)
    numbers = torch.randn(count, len(values), generator=generator).to(vectors)
    return middle + (numbers * values / (rows - 1) ** 0.5 @ vectors).to(points)
