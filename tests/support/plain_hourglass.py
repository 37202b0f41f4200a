"""The hourglass of the deep image prior written plainly: torch's own layers, nothing merged, as an oracle."""

import torch
from torch.nn import functional


def plain_hourglass(weights: dict[str, torch.Tensor], z: torch.Tensor, scales: int, upsampling: str) -> torch.Tensor:
    """The images for the weights of a `Hourglass`, `dict(net.named_parameters())`."""

    def convolution(x, name, stride=1):
        kernel = weights[f"{name}.weight"]
        pad = kernel.shape[-1] // 2
        padded = functional.pad(x, (pad,) * 4, mode="reflect") if pad else x
        return functional.conv2d(padded, kernel, weights[f"{name}.bias"], stride=stride)

    def norm(x, name):
        return functional.batch_norm(x, None, None, weights[f"{name}.weight"], weights[f"{name}.bias"], training=True)

    def block(x, name, stride=1):
        return functional.leaky_relu(norm(convolution(x, f"{name}.0", stride), f"{name}.1"), 0.2)

    def scale(x, name, left):
        inner = block(block(x, f"{name}.down.0", stride=2), f"{name}.down.1")
        if left > 1:
            inner = scale(inner, f"{name}.below", left - 1)
        smooth = {"align_corners": False} if upsampling == "bilinear" else {}
        both = functional.interpolate(inner, size=x.shape[-2:], mode=upsampling, **smooth)
        if f"{name}.skip.0.weight" in weights:
            both = torch.cat([block(x, f"{name}.skip"), both], 1)
        return block(block(norm(both, f"{name}.norm"), f"{name}.up.0"), f"{name}.up.1")

    return torch.sigmoid(convolution(scale(z, "body", scales), "head"))
