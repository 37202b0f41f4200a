"""A convolution layer as a sparse matrix: what multiplies the flattened block. Taught in chapter 01_patterns."""

import torch

from deeprestore_lab.core.checks import describe
from deeprestore_lab.signal.arithmetic.layers import Layer
from deeprestore_lab.signal.arithmetic.sizes import Block, blocks


def weight_shape(layer: Layer) -> tuple[int, int, int, int]:
    """The shape that torch gives the weights of a layer with a kernel of its own.

    (out, in / groups, kh, kw) for a convolution, (in, out / groups, kh, kw) for a transposed one. Raises `ValueError`
    for another kind.

    >>> from deeprestore_lab.signal.arithmetic import conv
    >>> weight_shape(conv(4, 6, kernel=(3, 5), groups=2))
    (6, 2, 3, 5)
    """
    if layer.kind not in ("convolution", "transposed"):
        raise ValueError(f"{layer.name} ({layer.kind}) has no kernel with weights; convolution and transposed have")
    first, second = layer.out_channels, layer.in_channels
    if layer.kind == "transposed":
        first, second = second, first
    return (first, second // layer.groups, *layer.kernel)


def _seen(layer: Layer, axis: int, narrow: int) -> torch.Tensor:
    """The place on the wide side that each tap falls on along one direction, (narrow, kernel); may lie outside.

    The narrow side is the output of a convolution, the wide one its input; a transposed convolution swaps them.
    """
    place, tap = torch.arange(narrow)[:, None], torch.arange(layer.kernel[axis])
    return place * layer.stride[axis] + tap * layer.dilation[axis] - layer.padding[axis]


def convolution_matrix(layer: Layer, weight: torch.Tensor, *, block: Block) -> torch.Tensor:
    r"""The matrix M of a convolution without its bias: the output block, flattened, is M times the input block.

        M[(o, i, j), (c, i s + u d - p, j s + v d - p)] = weight[o, c, u, v]

    with stride s, dilation d and padding p in each direction, wherever that place lies inside the input; everything
    else is zero. Cross-correlation, as networks have it. A transposed layer gets the transposed matrix of the
    convolution that goes the other way. `weight` is a float tensor of `weight_shape(layer)`, `block` the input block
    (C, H, W) of one image, flattened in this order. Returns a sparse COO tensor (C' H' W', C H W), coalesced, on the
    weights' device and in their precision; gradients reach `weight`. Raises `ValueError` for weights of another shape
    or a block that does not fit.

    >>> from deeprestore_lab.signal.arithmetic import conv
    >>> layer = conv(1, 1, kernel=(1, 2), stride=(1, 2))
    >>> convolution_matrix(layer, torch.tensor([[[[1.0, -1.0]]]]), block=(1, 1, 5)).to_dense().tolist()
    [[1.0, -1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0, 0.0]]
    """
    shape = weight_shape(layer)
    if not isinstance(weight, torch.Tensor) or weight.shape != torch.Size(shape) or not weight.is_floating_point():
        raise ValueError(f"the weights of {layer.name} must be a float tensor {shape}, got {describe(weight)}")
    (out_block,) = blocks(layer, block)
    narrow, wide = (tuple(block), out_block) if layer.kind == "transposed" else (out_block, tuple(block))
    row, column = _seen(layer, 0, narrow[1]), _seen(layer, 1, narrow[2])  # (I, U), (J, V)
    inside = ((row >= 0) & (row < wide[1]))[:, None, None, :, None] & ((column >= 0) & (column < wide[2]))[
        :, None, None
    ]
    # in the order of the rows and, within one, of the columns: nothing is left to sort
    i, j, c, u, v = inside.expand(-1, -1, shape[1], -1, -1).nonzero(as_tuple=True)
    first = torch.arange(shape[0])[:, None]  # the channel of the narrow side; c counts within its group
    rows = (first * narrow[1] + i) * narrow[2] + j  # (first, n)
    second = first // (shape[0] // layer.groups) * shape[1] + c
    columns = (second * wide[1] + row[i, u]) * wide[2] + column[j, v]
    taps = (c * layer.kernel[0] + u) * layer.kernel[1] + v
    values = weight.flatten(1).index_select(1, taps.to(weight.device))
    places = torch.stack([rows.flatten(), columns.flatten()]).to(weight.device)
    size = (narrow[0] * narrow[1] * narrow[2], wide[0] * wide[1] * wide[2])
    matrix = torch.sparse_coo_tensor(places, values.flatten(), size, is_coalesced=True, check_invariants=False)
    return matrix.t().coalesce() if layer.kind == "transposed" else matrix
