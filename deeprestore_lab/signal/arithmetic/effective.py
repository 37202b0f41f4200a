"""How much of its receptive field a value really uses, measured by gradients. Taught in chapter 02_receptive_fields."""

from collections.abc import Callable, Sequence

import torch

from deeprestore_lab.core.checks import check_images, check_seed, check_whole
from deeprestore_lab.core.dependence import check_depends, check_differentiable
from deeprestore_lab.signal.arithmetic.reached_pixels import check_place
from deeprestore_lab.signal.arithmetic.receptive_field import ReceptiveField

Network = Callable[[torch.Tensor], torch.Tensor]


def gradient_energy(
    network: Network, x: torch.Tensor, position: tuple[int, int], *, probes: int | None = 8, seed: int = 0
) -> torch.Tensor:
    r"""How strongly each pixel moves the values z(p) of all channels at one position p of the output, `(N, H, W)`.

        energy(q) = sum_c sum_d (dz_c(p) / dx_d(q))^2,   c over output channels, d over the image's

    `x` `(N, C, H, W)`, `network` any function of it to `(N, c, h, w)`. Exact with `probes=None`, at one backward pass
    a channel. Else the mean over `probes` random signs v of sum_d (d(v z(p)) / dx_d(q))^2, which has the same
    expectation: E[(v J)^2] is the sum of the squares of J. A negative position counts from the end. Raises `ValueError`
    for a position outside of the output.

    Source: Luo, Li, Urtasun & Zemel, Understanding the effective receptive field, NeurIPS 2016. Differs from it in
    that squares are added over channels, where they take one unit. Taught in chapter 02_receptive_fields.

    >>> mean = torch.nn.AvgPool2d(2)
    >>> gradient_energy(mean, torch.zeros(1, 1, 2, 4), (0, 1), probes=None)[0].tolist()
    [[0.0, 0.0, 0.0625, 0.0625], [0.0, 0.0, 0.0625, 0.0625]]
    """
    x, z = _run(network, x)
    position = check_place(position)
    if not all(-n <= place < n for n, place in zip(z.shape[2:], position, strict=True)):
        raise ValueError(f"position {position} lies outside of an output of {tuple(z.shape[2:])}")
    signs = torch.eye(z.shape[1]) if probes is None else _signs((_checked(probes), z.shape[1]), seed)
    energy = x.new_zeros(x.shape[0], *x.shape[2:])
    for row in signs.to(z):
        upstream = torch.zeros_like(z)
        upstream[:, :, position[0], position[1]] = row
        energy += _squared_gradient(z, x, upstream)
    return energy if probes is None else energy / len(signs)


def effective_field(
    network: Network, x: torch.Tensor, field: ReceptiveField, *, probes: int = 8, seed: int = 0
) -> torch.Tensor:
    """The gradient energy of a value inside of its receptive field, averaged over places, `(rows, columns)`.

    `field` is that of the last layer of `network` (`receptive_field`), and the window has its size. The mean is over
    the images of `x` `(N, C, H, W)`, over `probes` random signs, and over the places of a grid so wide that their
    fields do not meet, moved at random from probe to probe: one backward pass then measures them all. Only places
    whose field lies inside of the image count. Raises `ValueError` where there is none, and for fields that are not
    alike.

    Source: as `gradient_energy`. Taught in chapter 02_receptive_fields.

    >>> from deeprestore_lab.signal.arithmetic import conv, receptive_field
    >>> sum_of_four = torch.nn.Conv2d(1, 1, 2, bias=False).requires_grad_(False)
    >>> _ = sum_of_four.weight.fill_(1)
    >>> effective_field(sum_of_four, torch.zeros(1, 1, 9, 9), receptive_field([conv(1, 1, kernel=2)])).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    x, z = _run(network, x)
    inside = [_inside(field, axis, z.shape[2 + axis], x.shape[2 + axis]) for axis in (0, 1)]
    apart = [-(-size // int(jump)) for size, jump in zip(field.size, field.jump, strict=True)]
    draw = torch.Generator().manual_seed(check_seed(seed))
    total, count = x.new_zeros(field.size), 0
    for _ in range(_checked(probes)):
        grids = [_grid(places, step, draw) for places, step in zip(inside, apart, strict=True)]
        signs = _signs((*z.shape[:2], len(grids[0]), len(grids[1])), draw).to(z)
        upstream = torch.zeros_like(z)
        upstream[:, :, grids[0][:, None], grids[1]] = signs
        energy = _squared_gradient(z, x, upstream).sum(0)
        for row in grids[0].tolist():
            for column in grids[1].tolist():
                (top, bottom), (left, right) = field.bounds((row, column))
                total += energy[top : bottom + 1, left : right + 1]
                count += x.shape[0]
    return total / count


def _run(network: Network, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    check_differentiable("an effective field")
    with torch.enable_grad():
        x = check_images(x).detach().clone().requires_grad_()
        z = network(x)
    if not isinstance(z, torch.Tensor) or z.ndim != 4:
        raise ValueError(f"network must give maps (N, c, h, w), got {getattr(z, 'shape', z)!r}")
    check_depends({"network(x)": z}, [x], on="x")
    return x, z


def _squared_gradient(z: torch.Tensor, x: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    (gradient,) = torch.autograd.grad(z, x, upstream, retain_graph=True)
    return gradient.square().sum(1)


def _checked(probes: int) -> int:
    return check_whole(probes, name="probes", least=1)


def _signs(shape: Sequence[int], draw: int | torch.Generator) -> torch.Tensor:
    draw = draw if isinstance(draw, torch.Generator) else torch.Generator().manual_seed(check_seed(draw))
    return torch.randint(2, tuple(shape), generator=draw) * 2.0 - 1


def _inside(field: ReceptiveField, axis: int, places: int, pixels: int) -> torch.Tensor:
    """The places of the output, in one direction, whose field lies inside of the image."""
    bounds = [field.bounds((place, place))[axis] for place in range(places)]
    inside = [place for place, (first, last) in enumerate(bounds) if first >= 0 and last < pixels]
    if not inside:
        raise ValueError(f"no field of {field.size} pixels lies inside of {pixels}: use a larger image")
    return torch.tensor(inside)


def _grid(places: torch.Tensor, step: int, draw: torch.Generator) -> torch.Tensor:
    """Every `step`-th of the places, from a random first one."""
    first = int(torch.randint(min(step, len(places)), (1,), generator=draw))
    return places[first::step]
