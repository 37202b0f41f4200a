"""An inverse module: from the map of a layer back to the map of the layer before its block."""

import torch
from torch import nn

from deeprestore_lab.core.checks import check_choice, check_images, check_whole
from deeprestore_lab.core.machine import check_together
from deeprestore_lab.core.seeding import seeded
from deeprestore_lab.inverse_networks.blocks import fitted
from deeprestore_lab.networks.he_start import he_start

KINDS = ("nearest", "transposed")


class InverseModule(nn.Module):
    r"""Maps `(N, inputs, h, w)` to maps `(N, outputs, stride h, stride w)`, or of the `size` asked for.

    To that size maps are cut at the lower right, or continued there by their last values, before the first ReLU.

        "nearest":     enlarge by nearest neighbours, convolution, ReLU, ..., convolution
        "transposed":  transposed convolution, ReLU, ..., convolution

    with `depth` convolutions in all (2 is the thesis's best, more is a deeper module) of `width` channels between
    them, 3 x 3 with zeros outside as the networks themselves have; the enlarging transposed one is kernel x kernel. A
    kernel that is no multiple of the stride leaves a checkerboard (Odena et al. 2016), so the default is twice the
    stride. With stride 1 both kinds are the same. The last convolution has no ReLU: an image less grey has both
    signs. `seed` makes the start repeatable. Raises `ValueError` for settings and maps that do not fit. Taught in
    chapter 17_inverse_networks.

    >>> InverseModule(8, 3, stride=2)(torch.rand(1, 8, 5, 6)).shape
    torch.Size([1, 3, 10, 12])
    >>> InverseModule(8, 3, stride=2, kind="transposed")(torch.rand(1, 8, 5, 6), (11, 12)).shape
    torch.Size([1, 3, 11, 12])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        kind: str = "nearest",
        depth: int = 2,
        width: int | None = None,
        kernel: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.inputs, self.kind = check_whole(inputs, name="inputs", least=1), check_choice(kind, KINDS, name="kind")
        self.stride, depth = check_whole(stride, name="stride", least=1), check_whole(depth, name="depth", least=2)
        if kernel is not None and (kind == "nearest" or stride == 1):
            raise ValueError(f"kernel is for transposed convolutions with a stride above 1, got kernel {kernel!r}")
        width = check_whole(inputs if width is None else width, name="width", least=1)
        outputs = check_whole(outputs, name="outputs", least=1)
        with seeded(seed):
            layers = [self._first(width, kernel), nn.ReLU()]
            for _ in range(depth - 2):
                layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
            self.layers = nn.Sequential(*layers, nn.Conv2d(width, outputs, 3, padding=1))
            for layer in self.layers[::2]:
                he_start(layer)
        self.enlarge = nn.Upsample(scale_factor=stride) if kind == "nearest" and stride > 1 else nn.Identity()

    def _first(self, width: int, kernel: int | None) -> nn.Module:
        if self.stride == 1 or self.kind == "nearest":
            return nn.Conv2d(self.inputs, width, 3, padding=1)
        kernel = check_whole(2 * self.stride if kernel is None else kernel, name="kernel", least=self.stride)
        return nn.ConvTranspose2d(self.inputs, width, kernel, stride=self.stride, padding=(kernel - self.stride) // 2)

    def forward(self, f: torch.Tensor, size: tuple[int, int] | None = None) -> torch.Tensor:
        check_images(f, name="f", channels=self.inputs)
        weight = self.layers[0].weight
        if f.dtype != weight.dtype or f.device != weight.device:
            check_together(f, self, names=("f", "the module"))
        size = tuple(self.stride * side for side in f.shape[2:]) if size is None else size
        return self.layers[1:](fitted(self.layers[0](self.enlarge(f)), size))
