"""One line a layer: the layers of `arithmetic.layers` with the arguments of torch's modules. Chapter 01_patterns."""

from deeprestore_lab.signal.arithmetic.layers import Layer

Pair = int | tuple[int, int]


def conv(
    in_channels: int,
    out_channels: int,
    *,
    kernel: Pair,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    bias: bool = True,
    name: str = "convolution",
) -> Layer:
    """A convolution layer, with the arguments of torch's `Conv2d`.

    >>> conv(3, 64, kernel=3, dilation=2).extent
    (5, 5)
    """
    return Layer(
        name, "convolution", kernel, stride, padding, dilation, 0, in_channels, out_channels, groups, False, bias
    )


def transposed(
    in_channels: int,
    out_channels: int,
    *,
    kernel: Pair,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    output_padding: Pair = 0,
    groups: int = 1,
    bias: bool = True,
    name: str = "transposed convolution",
) -> Layer:
    """A transposed convolution layer, with the arguments of torch's `ConvTranspose2d`."""
    channels = (in_channels, out_channels, groups)
    return Layer(name, "transposed", kernel, stride, padding, dilation, output_padding, *channels, False, bias)


def pool(
    kernel: Pair,
    stride: Pair | None = None,
    *,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
    channels: int | None = None,
    name: str = "pooling",
) -> Layer:
    """A pooling layer; without `stride` its windows lie side by side, as in torch's `MaxPool2d`."""
    stride = kernel if stride is None else stride
    return Layer(name, "pooling", kernel, stride, padding, dilation, 0, channels, channels, 1, ceil_mode)


def relu(channels: int | None = None, *, name: str = "ReLU") -> Layer:
    """A pointwise layer: each value by itself."""
    return Layer(name, "pointwise", in_channels=channels, out_channels=channels)


def linear(in_features: int, out_features: int, *, bias: bool = True, name: str = "linear") -> Layer:
    """A fully connected layer on the flattened block."""
    return Layer(name, "linear", in_channels=in_features, out_channels=out_features, bias=bias)
