"""The first four moments of a sample against those of the uniform law of the cube, or of another sample."""

import torch

from deeprestore_lab.measures.discrepancies.samples import check_pair, check_sample

CUBE_FOURTH = 9 / 5  # E z^4 of the uniform law with mean 0 and variance 1, which lives on [-sqrt(3), sqrt(3)]


def moment_mismatch(a: torch.Tensor, b: torch.Tensor | None = None) -> torch.Tensor:
    r"""How far the moments of `a` are from those of the uniform law of [0, 1]^d, or from those of `b`; a scalar.

        z = (a - m) / s,    |E z|^2 / d + ||E z z^T - C||^2 / d + |E z^3 - S|^2 / d + |E z^4 - K|^2 / d

    Differentiable. m and s are the mean and the standard deviation of each coordinate under the reference; C, S and K
    are its moments in these units. For the cube, in closed form: m = 1/2, s = 1 / sqrt(12), C = I, S = 0, K = 9/5.
    Powers are taken entry by entry, the norm of the matrix is Frobenius'. All moments are about the reference's mean:
    each is a mean of independent terms, and N points of the cube's own law give exactly

        (1 + (d - 1/5) + 27/7 + 144/25) / N

    on average, not 0. It cannot see what these moments share: dependence of coordinates beyond their correlation, and
    holes whose points went where the moments stay.

    Shapes: `a` `(N, d)`, `b` `(M, d)`. Units: none. Raises `ValueError` for shapes that do not fit and for a column of
    `b` that is constant. Taught in chapter 12_latent_autoencoder.

    >>> corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 2)  # E z^2 = 3, E z^4 = 9
    >>> round(float(moment_mismatch(corners)), 4)  # (3 - 1)^2 + (9 - 9/5)^2
    55.84
    """
    if b is None:
        check_sample(a, name="a")
        z, second, third, fourth = (a - 0.5) * 12**0.5, torch.eye(a.shape[1]).to(a), 0.0, CUBE_FOURTH
    else:
        check_pair(a, b)
        middle, scale = b.mean(0), b.std(0, unbiased=False)
        if not (scale > 0).all():
            raise ValueError(
                f"column {int((~(scale > 0)).nonzero()[0])} of b does not vary: it has no units to measure a in"
            )
        z, (_, second, third, fourth) = (a - middle) / scale, _moments((b - middle) / scale)
    first, *higher = _moments(z)
    gaps = [first, *(own - other for own, other in zip(higher, (second, third, fourth), strict=True))]
    return sum(gap.square().sum() for gap in gaps) / a.shape[1]


def _moments(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Raw moments: the mean, the matrix E z z^T, and the third and fourth of each coordinate."""
    return z.mean(0), z.T @ z / len(z), z.pow(3).mean(0), z.pow(4).mean(0)
