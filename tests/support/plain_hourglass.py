"""The hourglass of the deep image prior written plainly, as the authors nest it, of torch's own layers: an oracle."""

import torch
from torch import nn
from torch.nn import functional


class Joined(nn.Module):
    """The thin branch beside the deep one, which is brought back to the size of the input."""

    def __init__(self, thin: nn.Module | None, deep: nn.Module, mode: str) -> None:
        super().__init__()
        self.thin, self.deep, self.mode = thin, deep, mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deep = functional.interpolate(self.deep(x), size=x.shape[-2:], mode=self.mode)
        return deep if self.thin is None else torch.cat([self.thin(x), deep], dim=1)


def plain_hourglass(
    channels: int, down: tuple[int, ...], up: tuple[int, ...], skip: tuple[int, ...], mode: str = "bilinear"
) -> nn.Module:
    """The net of Ulyanov et al. (supplement), built from the coarsest scale outwards; its last layers make RGB."""
    inner: list[nn.Module] = []
    for i in reversed(range(len(down))):
        inputs = channels if i == 0 else down[i - 1]
        below = down[i] if i == len(down) - 1 else up[i + 1]
        deep = nn.Sequential(*_unit(inputs, down[i], 3, stride=2), *_unit(down[i], down[i], 3), *inner)
        thin = nn.Sequential(*_unit(inputs, skip[i], 1)) if skip[i] else None
        inner = [
            Joined(thin, deep, mode),
            nn.BatchNorm2d(skip[i] + below),
            *_unit(skip[i] + below, up[i], 3),
            *_unit(up[i], up[i], 1),
        ]
    return nn.Sequential(*inner, nn.Conv2d(up[0], 3, 1), nn.Sigmoid())


def with_weights_of(net: nn.Module, plain: nn.Module) -> nn.Module:
    """`plain` with the parameters of `net`, which must hold them in the same order, in their precision."""
    plain = plain.to(next(net.parameters()))
    with torch.no_grad():
        for own, other in zip(net.parameters(), plain.parameters(), strict=True):
            assert own.shape == other.shape
            other.copy_(own)
    return plain


def _unit(inputs: int, outputs: int, size: int, *, stride: int = 1) -> list[nn.Module]:
    """Reflected border, convolution, normalisation, leaky ReLU."""
    return [
        nn.ReflectionPad2d((size - 1) // 2),
        nn.Conv2d(inputs, outputs, size, stride=stride),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.2),
    ]
