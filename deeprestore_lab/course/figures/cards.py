"""The card every prior of the course gets: what it finds probable, and how well it tells images from noise."""

from html import escape

import matplotlib as mpl
import matplotlib.ticker
import torch
from matplotlib.figure import Figure as Drawing

from deeprestore_lab.core.checks import check_level, check_units
from deeprestore_lab.course.figures.encoding import picture
from deeprestore_lab.course.figures.plots import COLOURS, LOOK, drawing_tag
from deeprestore_lab.course.figures.rows import Figure, figure_html, row_html
from deeprestore_lab.energies import Energy


@torch.no_grad()
def prior_spread(prior: Energy, x: torch.Tensor, *, sigma: float, seed: int) -> dict[str, torch.Tensor]:
    """The prior's value per pixel value, `(N,)`, on images as they are, with noise, and with shuffled pixels.

    `x` is a batch `(N, C, H, W)` in [0, 1]; the noise is Gaussian of level `sigma`; the shuffle moves whole
    pixels, so colours stay. Divided by C * H * W, so images of other sizes can be compared.

    Raises `ValueError` for what is no image batch in [0, 1], and for a level that is not between 0 and 1.
    """
    check_units(x)
    generator = torch.Generator().manual_seed(seed)
    noisy = x + check_level(sigma) * torch.randn(x.shape, generator=generator).to(x)
    order = torch.randperm(x[0, 0].numel(), generator=generator).to(x.device)
    shuffled = x.flatten(2)[..., order].reshape(x.shape)
    values = x[0].numel()
    return {
        label: prior(batch) / values for label, batch in {"natural": x, "noisy": noisy, "shuffled": shuffled}.items()
    }


@torch.no_grad()
def extreme_patches(
    prior: Energy, x: torch.Tensor, *, size: int = 16, count: int = 6
) -> tuple[torch.Tensor, torch.Tensor]:
    """The most and the least probable patches of a batch, `(count, C, size, size)` each, the extreme ones first.

    Patches are cut side by side, without overlap. Raises `ValueError` where there are fewer than 2 * count.
    """
    check_units(x)
    rows, columns = x.shape[-2] // size, x.shape[-1] // size
    cut = x[..., : rows * size, : columns * size].unflatten(2, (rows, size)).unflatten(4, (columns, size))
    patches = cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, x.shape[1], size, size)
    if patches.shape[0] < 2 * count:
        raise ValueError(f"{patches.shape[0]} patches of {size} x {size} are fewer than 2 x {count}")
    order = prior(patches).argsort()
    return patches[order[:count]], patches[order[-count:].flip(0)]


def prior_card(
    prior: Energy,
    x: torch.Tensor,
    *,
    sigma: float,
    seed: int = 0,
    patch: int = 16,
    count: int = 6,
    see: str | None = None,
) -> Figure:
    """A prior's card: its spread on natural, noisy and shuffled images, its most and least probable patches.

    `prior` is any energy, `x` a batch of photographs `(N, C, H, W)` in [0, 1], `sigma` the noise in the same
    units. Taught in chapter 10_map.
    """
    spread = prior_spread(prior, x, sigma=sigma, seed=seed)
    most, least = extreme_patches(prior, x, size=patch, count=count)
    ranges = "; ".join(f"{label} {float(v.min()):.3g} to {float(v.max()):.3g}" for label, v in spread.items())
    apart = "all" if spread["natural"].max() < spread["noisy"].min() else "not all"
    name = prior.name[:1].upper() + prior.name[1:]  # a sentence begins with it, and Tikhonov was a person
    see = see or (
        f"{name} as a prior, on {x.shape[0]} photographs: value per pixel value ({ranges}). "
        f"The lower, the more probable; {apart} photographs lie below all noisy ones."
    )
    scatter = drawing_tag(_strips(spread, sigma), alt=f"{name}, value per pixel value: {ranges}")
    rows = [
        _patch_row(f"{label} probable patches", patches) for label, patches in {"Most": most, "Least": least}.items()
    ]
    body = row_html([scatter, f'<div style="display:grid;gap:0.75rem;align-content:center">{"".join(rows)}</div>'])
    return Figure(figure_html(body, see=see), text=f"{name}, its card: {ranges}")


def _strips(spread: dict[str, torch.Tensor], sigma: float) -> Drawing:
    with mpl.rc_context(LOOK):
        drawing = Drawing(figsize=(3.6, 2.5), layout="constrained")
        axes = drawing.subplots()
        for row, (values, colour) in enumerate(zip(spread.values(), COLOURS, strict=False)):
            spots = torch.linspace(-0.18, 0.18, len(values)) if len(values) > 1 else torch.zeros(1)
            axes.plot(values.cpu(), row + spots, "o", color=colour, markersize=6, alpha=0.8)
        axes.set_yticks(range(3), ["natural", f"noisy\nσ = {255 * sigma:.3g}/255", "shuffled"])
        axes.set(ylim=(2.5, -0.5), xlabel="value per pixel value")
        everything = torch.cat(list(spread.values()))
        if everything.min() > 0 and everything.max() > 20 * everything.min():
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())  # they would run into each other
        return drawing


def _patch_row(label: str, patches: torch.Tensor) -> str:
    zoom = max(1, round(48 / patches.shape[-1]))
    tiles = [picture(p, alt=f"{label}, number {n}", zoom=zoom, format="png") for n, p in enumerate(patches, start=1)]
    row = row_html(tiles, columns=len(tiles), gap="0.3rem")
    return f'<div><div style="text-align:center">{escape(label)}</div>{row}</div>'
