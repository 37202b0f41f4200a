"""A convolution as a sparse matrix: all entries at once against a loop over them.

The loop is the formula as one would write it down, an entry at a time into lists, and one sparse tensor of them at
the end. Both matrices are compared entry by entry, and with torch's own layer. Each time is the best of several,
alternating between the sides.
"""

from __future__ import annotations

import torch

from benchmarks.timing import timed
from deeprestore_lab.signal.arithmetic import Layer, blocks, conv, convolution_matrix, weight_shape

GOAL = 10.0
CASES = {
    "3 x 3, one channel, 64 x 64": (conv(1, 1, kernel=3, padding=1), (1, 64, 64)),
    "3 x 3, 8 to 8 channels, 32 x 32": (conv(8, 8, kernel=3, padding=1), (8, 32, 32)),
    "5 x 5, 3 to 16 channels, stride 2, dilation 2, 48 x 48": (
        conv(3, 16, kernel=5, stride=2, padding=4, dilation=2),
        (3, 48, 48),
    ),
}


def loop_matrix(layer: Layer, weight: torch.Tensor, block: tuple[int, int, int]) -> torch.Tensor:
    """The matrix of a convolution without groups, an entry at a time."""
    (channels, height, width), ((maps, tall, wide),) = block, blocks(layer, block)
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = layer.kernel, layer.stride, layer.padding, layer.dilation
    numbers, rows, columns, values = weight.tolist(), [], [], []
    for o in range(maps):
        for i in range(tall):
            for j in range(wide):
                for c in range(channels):
                    for u in range(kh):
                        for v in range(kw):
                            y, x = i * sh + u * dh - ph, j * sw + v * dw - pw
                            if 0 <= y < height and 0 <= x < width:
                                rows.append((o * tall + i) * wide + j)
                                columns.append((c * height + y) * width + x)
                                values.append(numbers[o][c][u][v])
    size = (maps * tall * wide, channels * height * width)
    return torch.sparse_coo_tensor(
        torch.tensor([rows, columns]), torch.tensor(values), size, check_invariants=False
    ).coalesce()


def measure(name: str, *, repeats: int = 5) -> dict:
    """Both sides, alternating, the best of `repeats` each."""
    layer, block = CASES[name]
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(weight_shape(layer), generator=draw)
    convolution_matrix(layer, weight, block=block)  # imports and first calls
    ours, theirs = [], []
    for _ in range(repeats):
        seconds, matrix = timed(lambda: convolution_matrix(layer, weight, block=block))
        ours.append(seconds)
        seconds, looped = timed(lambda: loop_matrix(layer, weight, block))
        theirs.append(seconds)
    same = torch.equal(matrix.indices(), looped.indices()) and torch.equal(matrix.values(), looped.values())
    x = torch.randn(1, *block, generator=draw)
    expected = torch.nn.functional.conv2d(x, weight, None, layer.stride, layer.padding, layer.dilation)
    apart = float((matrix @ x.reshape(-1, 1) - expected.reshape(-1, 1)).abs().max())
    ratio = min(theirs) / min(ours)
    return {
        "name": f"convolution matrix, {name}",
        "ours_s": min(ours),
        "peer": "a loop over the entries",
        "peer_s": min(theirs),
        "ratio": ratio,
        "goal": f"{GOAL:g} times as fast",
        "met": ratio >= GOAL and same,
        "note": f"{matrix.values().numel()} entries, {'the same' if same else 'DIFFERENT'}; {apart:.0e} from torch",
    }


def run(repeats: int = 5) -> list[dict]:
    """One row for each case."""
    return [measure(name, repeats=repeats) for name in CASES]


if __name__ == "__main__":
    torch.set_num_threads(2)
    for row in run():
        print(row)
