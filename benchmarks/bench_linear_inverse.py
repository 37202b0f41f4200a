"""The inverse of a layer on a ring: per-phase blocks against a dense solve, and against conjugate gradients.

A layer of stride 2 with 3 x 3 kernels on 64 x 64, three channels in and three or eight out, under the exponential
prior; one map to invert. Ours makes the blocks and applies them. The dense peer solves the smaller of the two forms by
Cholesky, in float64; its matrices are made by FFT outside of the time. Where that has more than 3072 unknowns it is
measured on a smaller ring and taken to grow as the cube of the unknowns, as the factorisation does (the note says so).
Conjugate gradients solve (Sigma^-1 / weight + W* W) f = W* f' to a relative residual of 1e-6, every product by FFT and
convolution, in float64. Both peers' answers are compared with ours. Goals, set before measuring: 1000 times as fast as
the dense solve, 10 times as fast as conjugate gradients.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from deeprestore_lab.operators import ConvolutionLayer
from deeprestore_lab.operators.linear_inverse import circular_inverse, exponential_spectrum
from deeprestore_lab.solve.conjugate_gradient import conjugate_gradients

SIDE, INPUTS, STRIDE, WEIGHT, LENGTH = 64, 3, 2, 1e3, 8.0
LARGEST = 3072  # unknowns of a dense system that is measured; 75 MB


def problem(outputs: int, side: int) -> tuple[ConvolutionLayer, torch.Tensor, torch.Tensor]:
    """The layer, the spectrum of the prior, and maps to invert."""
    draw = torch.Generator().manual_seed(0)
    kernels = torch.randn(outputs, INPUTS, 3, 3, generator=draw, dtype=torch.float64) / 27**0.5
    layer = ConvolutionLayer(kernels, size=(side, side), stride=STRIDE, border="circular")
    spectrum = exponential_spectrum((side, side), length=LENGTH)
    root = spectrum.sqrt()
    white = torch.randn(1, INPUTS, side, side, generator=draw, dtype=torch.float64)
    f = torch.fft.ifft2(torch.fft.fft2(white) * root).real
    noise = torch.randn(1, *layer.out_shape, generator=draw, dtype=torch.float64)
    return layer, spectrum, layer(f) + noise / WEIGHT**0.5


def ours(layer: ConvolutionLayer, spectrum: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return circular_inverse(layer.kernels, spectrum, weight=WEIGHT, stride=STRIDE)(y)


def by_prior(f: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return torch.fft.ifft2(torch.fft.fft2(f) * factor).real


def dense_system(layer: ConvolutionLayer, spectrum: torch.Tensor) -> torch.Tensor:
    """W Sigma W* + I / weight as a matrix: the smaller system, C' (H / s)^2 unknowns."""
    count = layer.out_shape[0] * layer.out_shape[1] * layer.out_shape[2]
    columns = []
    for units in torch.eye(count, dtype=torch.float64).reshape(count, *layer.out_shape).split(128):
        columns.append(layer(by_prior(layer.adjoint(units), spectrum)).flatten(1))
    return torch.cat(columns).mT + torch.eye(count, dtype=torch.float64) / WEIGHT


def dense(layer: ConvolutionLayer, spectrum: torch.Tensor, y: torch.Tensor, system: torch.Tensor) -> torch.Tensor:
    factor = torch.linalg.cholesky(system)
    found = torch.cholesky_solve(y.reshape(-1, 1), factor).reshape(y.shape)
    return by_prior(layer.adjoint(found), spectrum)


def gradients(layer: ConvolutionLayer, spectrum: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, int]:
    factor = 1 / (WEIGHT * spectrum)

    def normal(f: torch.Tensor) -> torch.Tensor:
        return by_prior(f, factor) + layer.adjoint(layer(f))

    f, taken, _ = conjugate_gradients(normal, layer.adjoint(y), tolerance=1e-6, steps=5000)
    return f, int(taken)


def seconds(call: Callable[[], object], *, repeats: int) -> float:
    """The shortest of several runs, after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def row(name: str, own: float, peer: str, theirs: float, *, goal: float, note: str) -> dict:
    ratio = theirs / own
    return {
        "name": name,
        "ours_s": own,
        "peer": peer,
        "peer_s": theirs,
        "ratio": ratio,
        "goal": f"{goal:g} times as fast",
        "met": ratio >= goal,
        "note": note,
    }


def compared(outputs: int, *, side: int, largest: int, repeats: int) -> list[dict]:
    """Both peers for one number of channels."""
    layer, spectrum, y = problem(outputs, side)
    own, answer = seconds(lambda: ours(layer, spectrum, y), repeats=repeats), ours(layer, spectrum, y)
    name = f"inverse at {side}², {INPUTS} to {outputs} channels, stride {STRIDE}"
    unknowns = outputs * (side // STRIDE) ** 2
    small = side
    while outputs * (small // STRIDE) ** 2 > largest:
        small -= 2 * STRIDE
    fitting, own_spectrum, own_y = problem(outputs, small)
    system = dense_system(fitting, own_spectrum)
    theirs = seconds(lambda: dense(fitting, own_spectrum, own_y, system), repeats=1)
    off = float((dense(fitting, own_spectrum, own_y, system) - ours(fitting, own_spectrum, own_y)).abs().max())
    note = f"{unknowns} unknowns; answers {off:.0e} apart"
    if small != side:
        measured, grown = len(system), (unknowns / len(system)) ** 3
        note += f"; EXTRAPOLATED from {measured} unknowns, {theirs:.2f} s, by the cube"
        theirs *= grown
    rows = [row(name, own, "dense Cholesky", theirs, goal=1000, note=note)]
    theirs = seconds(lambda: gradients(layer, spectrum, y), repeats=1)
    found, taken = gradients(layer, spectrum, y)
    note = f"{taken} steps to 1e-6; answers {float((found - answer).abs().max()):.0e} apart"
    return [*rows, row(name, own, "conjugate gradients", theirs, goal=10, note=note)]


def run(
    *, side: int = SIDE, outputs: tuple[int, ...] = (3, 8), largest: int = LARGEST, repeats: int = 30
) -> list[dict]:
    """Two rows for each number of channels out."""
    return [each for count in outputs for each in compared(count, side=side, largest=largest, repeats=repeats)]


if __name__ == "__main__":
    for each in run():
        print(each)
