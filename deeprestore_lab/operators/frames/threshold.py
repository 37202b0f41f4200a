"""Denoising by a threshold on the responses of a bank of filters, and least squares back to the image."""

import torch
from torch.nn import functional

from deeprestore_lab.core.checks import (
    check_choice,
    check_images,
    check_level,
    check_not_bytes,
    check_weight,
    describe,
    per_image,
)
from deeprestore_lab.operators.filter_bank import FilterBank
from deeprestore_lab.operators.separable_filter_bank import SeparableFilterBank
from deeprestore_lab.signal.convolution import dct_matrix, extend, extend_adjoint
from deeprestore_lab.signal.filters import averages, norms

KINDS = ("hard", "soft")
BORDERS = ("reflect", "circular")
COLOURS = ("rotated", "channel")


def cosine_frame(side: int = 8, *, dtype: torch.dtype = torch.float32) -> SeparableFilterBank:
    """The undecimated DCT as an operator: `filters.cosine_filters(side)` at every pixel, quickly."""
    return SeparableFilterBank(dct_matrix(side, torch.empty(0, dtype=torch.float64)).to(dtype))


def shrink(responses: torch.Tensor, threshold: float | torch.Tensor, *, kind: str = "soft") -> torch.Tensor:
    r"""Small values to zero: "hard" leaves those above `threshold` alone, "soft" moves them towards zero by it.

    soft(r) = max(r - t, 0) - max(-r - t, 0), the difference of a ReLU pair with bias -t. hard(r) = r where |r| > t.
    `threshold`, at least 0, is a number or a tensor that broadcasts. Raises `ValueError` for another kind or a
    threshold below 0. Source: Donoho & Johnstone (1994). Taught in chapter 03_reconstruction.

    >>> r = torch.tensor([-3.0, 0.5, 2.0])
    >>> shrink(r, 1.0).tolist(), shrink(r, 1.0, kind="hard").tolist()
    ([-2.0, 0.0, 1.0], [-3.0, 0.0, 2.0])
    """
    hard = check_choice(kind, KINDS, name="kind") == "hard"
    if not isinstance(threshold, torch.Tensor):
        threshold = check_weight(threshold, name="threshold")
        return (functional.hardshrink if hard else functional.softshrink)(responses, threshold)
    if not bool((threshold >= 0).all()):
        raise ValueError(f"threshold must be at least 0 everywhere, got {float(threshold.min()):g}")
    if hard:
        return responses * (responses.abs() > threshold)
    return responses - responses.clamp(-threshold, threshold)


def threshold_denoise(
    y: torch.Tensor,
    bank: torch.Tensor | FilterBank | None = None,
    *,
    sigma: float | torch.Tensor,
    threshold: float | torch.Tensor = 2.75,
    kind: str = "hard",
    border: str = "reflect",
    colour: str = "rotated",
) -> torch.Tensor:
    r"""x = arg min_x ||A x - shrink(A y)||^2: responses below the noise are put to zero, the rest makes the image.

    `y` `(N, C, H, W)`; the result has its shape. `bank` `(K, kh, kw)` or an operator made of one; without it the 64
    cosine patterns of 8 x 8 at every pixel. `sigma` is the noise level of y in its units, at most 1; `threshold` counts
    standard deviations of the noise in each response, sigma ||h_k||; both are a number or `(N,)`. Filters that are
    averages (no tap below zero) are left alone. Where the bank loses a frequency, so does x.

    kind: "hard" or "soft" (`shrink`). Hard at 2.75 is near the best on photographs for the cosines, soft at 1.4.
    border: "reflect" mirrors y first and cuts that margin off at the end; "circular" is the equation as it stands.
    colour: "rotated" takes the orthonormal DCT of the channels first, and back at the end. Of three channels this makes
        brightness and two differences of colours, in which photographs are sparser and white noise is as white.
        "channel" leaves them.

    Raises `ValueError` for arguments that do not fit. Source: Coifman & Donoho (1995), translation-invariant
    denoising; with the cosines it is the denoiser of Yu & Sapiro (2011), whose threshold is 3. Taught in chapters
    03_reconstruction and 04_denoising_autoencoders.

    >>> x = torch.full((1, 1, 12, 12), 0.5)
    >>> noise = 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    >>> error = threshold_denoise(x + noise, sigma=0.1) - x
    >>> bool(error.square().mean() < 0.05 * noise.square().mean())
    True
    """
    check_choice(kind, KINDS, name="kind")
    check_choice(border, BORDERS, name="border")
    check_choice(colour, COLOURS, name="colour")
    operator = _operator(bank)
    limits = _limits(check_images(y, name="y"), sigma, threshold)
    if float(torch.as_tensor(sigma).max()) < 1:  # of pictures, and not of roots of counts, whose noise has the level 1
        check_not_bytes(y, name="y")
    mix = dct_matrix(y.shape[1], y) if colour == "rotated" else torch.eye(y.shape[1]).to(y)
    margin = operator.bank.new_empty(*(2 * length - 1 for length in operator.bank.shape[1:]))
    mixed = torch.einsum("dc,nchw->ndhw", mix, y)
    mixed = extend(mixed, margin, border="reflect") if border == "reflect" else mixed
    x = torch.stack([_denoise_image(*pair, operator, kind) for pair in zip(mixed, limits, strict=True)])
    x = extend_adjoint(x, margin, border="zero") if border == "reflect" else x  # the middle
    return torch.einsum("dc,ndhw->nchw", mix, x)


def _limits(y: torch.Tensor, sigma: float | torch.Tensor, threshold: float | torch.Tensor) -> torch.Tensor:
    """Where the responses of filters of norm 1 are cut, `(N,)`."""
    one = y.new_ones(len(y))
    sigma, threshold = check_level(sigma), check_weight(threshold, name="threshold")
    return one * per_image(sigma, one) * per_image(threshold, one)


def _denoise_image(image: torch.Tensor, limit: torch.Tensor, operator: FilterBank, kind: str) -> torch.Tensor:
    """One image `(C, H, W)`, channel by channel: of all responses only those of one channel are in memory."""
    free, limits = averages(operator.bank), float(limit) * norms(operator.bank).to(image)
    cut = limits[~free]
    alike = len(cut) > 0 and bool((cut - cut[0]).abs().max() <= 1e-5 * cut[0])
    cut = float(cut[0]) if alike else limits[:, None, None]
    channels = []
    for channel in image:
        responses = operator.apply(channel[None, None])  # (1, 1, K, H, W)
        small = shrink(responses, cut, kind=kind)
        small[:, :, free] = responses[:, :, free]
        channels.append(operator.pseudo_inverse(small)[0, 0])
    return torch.stack(channels)


def _operator(bank: torch.Tensor | FilterBank | None) -> FilterBank:
    if bank is None:
        return cosine_frame()
    if isinstance(bank, torch.Tensor):
        return FilterBank(bank)
    if not isinstance(bank, FilterBank):
        raise ValueError(f"bank must be a float tensor (K, kh, kw) or a FilterBank, got {describe(bank)}")
    return bank
