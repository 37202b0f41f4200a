"""The layers of a torch network as a list, read by hooks while it runs. Taught in chapter 02_receptive_fields."""

import torch
from torch import nn

from deeprestore_lab.core.checks import check_images
from deeprestore_lab.signal.arithmetic.layers import Layer

CONVOLUTIONS = {nn.Conv2d: "convolution", nn.ConvTranspose2d: "transposed"}
POINTWISE = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Sigmoid, nn.Tanh),
    *(nn.Hardtanh, nn.Dropout, nn.Dropout2d, nn.Identity, nn.BatchNorm1d, nn.BatchNorm2d, nn.LocalResponseNorm),
)
SKIPPED = (nn.Flatten,)


def trace_layers(network: nn.Module, x: torch.Tensor) -> list[Layer]:
    """Every layer that `network` runs on an image batch shaped like `x` `(N, C, H, W)`, in order, named as in it.

    The network runs once, on torch's meta device: shapes are computed, numbers are not, so this takes milliseconds and
    needs no trained weights. Known are convolutions, pooling, linear layers and those that act on each value by
    itself. Global pooling becomes pooling by the map it met, so the list holds for images of this size. Padding is
    listed by its width, whatever stands in it.

    The list stands for the network only if each layer takes what the one before gave. Raises `ValueError`, naming the
    place, where that is not so (a branch, a sum, a concatenation, a function called outside of a module), for a layer
    that is not known, and for batch normalisation in training mode, where a value sees the whole batch.

    Source: torch's forward hooks. Taught in chapter 02_receptive_fields.

    >>> small = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2))
    >>> [(layer.name, layer.kind, layer.kernel) for layer in trace_layers(small, torch.zeros(1, 3, 32, 32))]
    [('0', 'convolution', (3, 3)), ('1', 'pointwise', (1, 1)), ('2', 'pooling', (2, 2))]
    """
    dtype = next((p.dtype for p in network.parameters()), check_images(x).dtype)
    x = x.detach().to("meta", dtype)
    thread = _Thread(x)
    leaves = [
        (name or "the network", module) for name, module in network.named_modules() if not list(module.children())
    ]
    handles = []
    for name, module in leaves:
        handles.append(module.register_forward_pre_hook(thread.before(name)))
        handles.append(module.register_forward_hook(thread.after(name)))
    weights = {name: p.to("meta") for name, p in (*network.named_parameters(), *network.named_buffers())}
    try:
        with torch.no_grad():
            y = torch.func.functional_call(network, weights, (x,))
    finally:
        for handle in handles:
            handle.remove()
    thread.check_same(y, "the end of the network")
    return thread.layers


class _Thread:
    """What the last layer gave, to be compared with what the next one takes."""

    def __init__(self, x: torch.Tensor) -> None:
        self.layers: list[Layer] = []
        self._last, self._after = x, "the image"
        self._version = x._version

    def before(self, name: str):
        def hook(module: nn.Module, inputs: tuple) -> None:
            if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor):
                raise ValueError(f"{name!r} takes {len(inputs)} inputs: a list of layers has one each")
            self.check_same(inputs[0], repr(name))
            if not isinstance(module, SKIPPED):
                self.layers.append(_layer(name, module, inputs[0]))

        return hook

    def after(self, name: str):
        def hook(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            if not isinstance(output, torch.Tensor):
                raise ValueError(f"{name!r} gives a {type(output).__name__}: a list of layers has one output each")
            self._last, self._after, self._version = output, repr(name), output._version

        return hook

    def check_same(self, tensor: torch.Tensor, place: str) -> None:
        """Whether this is what the last layer gave, unchanged or flattened."""
        last = self._last
        flattened = tensor.shape == (last.shape[0], last[0].numel()) and tensor.is_contiguous()
        alike = (tensor.shape == last.shape and tensor.stride() == last.stride()) or flattened
        shared = tensor.untyped_storage()._cdata == last.untyped_storage()._cdata
        if not (alike and shared and tensor._version == self._version):
            raise ValueError(
                f"{place} does not take what {self._after} gave: between them is a branch, a sum, a concatenation or "
                "a function that is no module, and a list of layers cannot say that. Trace a part of the network "
                "without it; effective_field measures any network"
            )


def _layer(name: str, module: nn.Module, x: torch.Tensor) -> Layer:
    """One module as a `Layer`, for an input shaped like `x`."""
    channels = {"in_channels": x.shape[1], "out_channels": x.shape[1]}
    if type(module) in CONVOLUTIONS:
        return _convolution(name, module)
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        dilation = getattr(module, "dilation", 1)
        numbers = {"stride": module.stride, "padding": module.padding, "dilation": dilation}
        return Layer(name, "pooling", module.kernel_size, **numbers, **channels, ceil_mode=module.ceil_mode)
    if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        return _adaptive(name, module, x, channels)
    if isinstance(module, nn.Linear):
        given = {"in_channels": module.in_features, "out_channels": module.out_features}
        return Layer(name, "linear", **given, bias=module.bias is not None)
    if isinstance(module, POINTWISE):
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and (module.training or module.running_mean is None):
            raise ValueError(f"{name!r} normalises by the batch, so a value sees all of it: call eval() first")
        return Layer(name, "pointwise", **(channels if x.ndim == 4 else {}))  # flattened: values, not channels
    raise ValueError(f"{name!r} is a {type(module).__name__}, whose arithmetic is not known here")


def _convolution(name: str, module: nn.Conv2d | nn.ConvTranspose2d) -> Layer:
    padding = {"valid": 0, "same": None}.get(module.padding, module.padding)
    if padding is None:
        span = [d * (k - 1) for k, d in zip(module.kernel_size, module.dilation, strict=True)]
        if any(total % 2 for total in span):
            raise ValueError(f"{name!r} pads more on one side than on the other: its kernel spans an even size")
        padding = tuple(total // 2 for total in span)
    return Layer(
        name,
        CONVOLUTIONS[type(module)],
        module.kernel_size,
        module.stride,
        padding,
        module.dilation,
        module.output_padding,
        module.in_channels,
        module.out_channels,
        module.groups,
        bias=module.bias is not None,
    )


def _adaptive(name: str, module: nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d, x: torch.Tensor, channels: dict) -> Layer:
    wanted = module.output_size if isinstance(module.output_size, tuple) else (module.output_size,) * 2
    wanted = tuple(have if want is None else want for want, have in zip(wanted, x.shape[2:], strict=True))
    if any(have % want for want, have in zip(wanted, x.shape[2:], strict=True)):
        raise ValueError(f"{name!r} cuts {tuple(x.shape[2:])} into {wanted} windows of unlike sizes: use another image")
    kernel = tuple(have // want for want, have in zip(wanted, x.shape[2:], strict=True))
    return Layer(name, "pooling", kernel, kernel, **channels)
