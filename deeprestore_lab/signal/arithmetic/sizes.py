"""How large the block is that comes out of a layer, or of many. Taught in chapter 01_patterns."""

from collections.abc import Sequence

from deeprestore_lab.core.checks import check_whole, describe
from deeprestore_lab.signal.arithmetic.layers import Layer

Block = tuple[int, int, int]  # (C, H, W)


def as_layers(layers: Layer | Sequence[Layer]) -> tuple[Layer, ...]:
    """One layer or a sequence of them as a tuple; raises `ValueError` for what holds anything else."""
    given = (layers,) if isinstance(layers, Layer) else tuple(layers) if isinstance(layers, (list, tuple)) else None
    if given is None or not all(isinstance(layer, Layer) for layer in given):
        raise ValueError(f"expected a Layer or a list of them, got {describe(layers)}")
    return given


def _checked(values: Sequence[int], names: tuple[str, ...]) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or len(values) != len(names):
        raise ValueError(f"expected ({', '.join(names)}), got {describe(values)}")
    return tuple(check_whole(value, name=name, least=1) for value, name in zip(values, names, strict=True))


def _length(layer: Layer, n: int, axis: int) -> int:
    """The output length along one direction, which may come out below 1."""
    stride, padding, extent = layer.stride[axis], layer.padding[axis], layer.extent[axis]
    if layer.kind == "linear":
        return 1
    if layer.kind == "transposed":
        return (n - 1) * stride - 2 * padding + extent + layer.output_padding[axis]
    room = n + 2 * padding - extent  # how far the kernel can move
    if not layer.ceil_mode:
        return room // stride + 1
    length = -(-room // stride) + 1
    return length - 1 if (length - 1) * stride >= n + padding else length  # no window starts in the right padding


def _named(layers: Sequence[Layer], number: int) -> str:
    """How an error calls a layer: by its place too, since layers of one sequence may share a name."""
    place = f", layer {number + 1} of {len(layers)}" if len(layers) > 1 else ""
    return f"{layers[number].name} ({layers[number].kind}{place})"


def _after(layers: Sequence[Layer], number: int, size: tuple[int, int]) -> tuple[int, int]:
    """The size behind one layer of a sequence; raises `ValueError` where nothing comes out."""
    layer = layers[number]
    after = tuple(_length(layer, n, axis) for axis, n in enumerate(size))
    if min(after) < 1:
        raise ValueError(
            f"{_named(layers, number)} gives no output for an input of {size[0]} x {size[1]}: its kernel spans "
            f"{layer.extent[0]} x {layer.extent[1]} with padding {layer.padding} and stride {layer.stride}"
        )
    return after


def output_size(layers: Layer | Sequence[Layer], size: tuple[int, int]) -> tuple[int, int]:
    r"""The height and width (H', W') that come out for an input of `size` (H, W).

        convolution, pooling:    H' = floor((H + 2 padding - dilation (kernel - 1) - 1) / stride) + 1
        transposed convolution:  H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding

    and the same for W. Pooling with `ceil_mode` rounds up, but no window starts in the padding behind the image (as
    torch has it). A linear layer gives (1, 1), pointwise layers keep the size. `layers` is one `Layer` or a sequence,
    first to last. Raises `ValueError` that names the layer whose output would be empty.

    >>> from deeprestore_lab.signal.arithmetic import conv, pool
    >>> output_size([conv(3, 64, kernel=11, stride=4, padding=2), pool(3, 2)], (224, 224))
    (27, 27)
    """
    size, layers = _checked(size, ("H", "W")), as_layers(layers)
    for number in range(len(layers)):
        size = _after(layers, number, size)
    return size


def blocks(layers: Layer | Sequence[Layer], block: Block) -> list[Block]:
    """The data block (C, H, W) behind each layer, for an input `block` (C, H, W), one image.

    Raises `ValueError` that names the layer whose channels do not fit what comes in, or whose output would be empty.

    >>> from deeprestore_lab.signal.arithmetic import conv, linear, pool, relu
    >>> blocks([conv(1, 6, kernel=5), relu(), pool(2), linear(6 * 12 * 12, 10)], (1, 28, 28))
    [(6, 24, 24), (6, 24, 24), (6, 12, 12), (10, 1, 1)]
    """
    channels, *size = _checked(block, ("C", "H", "W"))
    found, layers = [], as_layers(layers)
    for number, layer in enumerate(layers):
        values = channels * size[0] * size[1] if layer.kind == "linear" else channels
        if layer.in_channels not in (None, values):
            what = "values" if layer.kind == "linear" else "channels"
            raise ValueError(f"{_named(layers, number)} takes {layer.in_channels} {what}, {values} come in")
        size = _after(layers, number, tuple(size))
        channels = channels if layer.out_channels is None else layer.out_channels
        found.append((channels, *size))
    return found
