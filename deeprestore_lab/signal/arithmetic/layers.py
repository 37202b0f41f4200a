"""A layer as what its arithmetic needs: kernel, stride, padding, dilation and channels. Taught in chapter 01_patterns.

No weights: sizes, receptive fields, costs and the pattern of a matrix follow from these numbers alone.
"""

from dataclasses import dataclass

from deeprestore_lab.core.checks import check_choice, check_whole, describe

KINDS = ("convolution", "transposed", "pooling", "pointwise", "linear")
PAIRS = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}  # and the least of each


@dataclass(frozen=True)
class Layer:
    """One layer of a network without its weights.

    `kind`: "convolution", "transposed" (the adjoint of a convolution, as torch's `ConvTranspose2d`), "pooling"
    (maximum or mean), "pointwise" (each value by itself: ReLU, normalisation by fixed numbers) or "linear" (every
    output sees every input). `kernel`, `stride`, `padding`, `dilation` and `output_padding` are (down, right)
    pairs; one number stands for both. `in_channels` and `out_channels` are None where a layer takes what comes and
    keeps it (pooling, pointwise); a linear layer counts the values of its flattened input as channels. Raises
    `ValueError`, which names the layer, for a value that is none or that the kind does not have.

    >>> Layer("conv1", "convolution", kernel=11, stride=4, padding=2, in_channels=3, out_channels=64).stride
    (4, 4)
    """

    name: str
    kind: str
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    output_padding: tuple[int, int] = (0, 0)
    in_channels: int | None = None
    out_channels: int | None = None
    groups: int = 1
    ceil_mode: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"a layer's name must be text, got {describe(self.name)}")
        check_choice(self.kind, KINDS, name=f"the kind of {self.name}")
        for key, least in PAIRS.items():
            object.__setattr__(self, key, self._pair(key, least))
        self._check_channels()
        self._check_kind()

    def _pair(self, key: str, least: int) -> tuple[int, int]:
        value = getattr(self, key)
        values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
        if len(values) != 2:
            raise ValueError(f"the {key} of {self.name} must be one number or a pair (down, right), got {value!r}")
        return tuple(check_whole(v, name=f"the {key} of {self.name}", least=least) for v in values)

    def _check_channels(self) -> None:
        for key in ("in_channels", "out_channels"):
            if getattr(self, key) is not None:
                check_whole(getattr(self, key), name=f"{key} of {self.name}", least=1)
        check_whole(self.groups, name=f"groups of {self.name}", least=1)
        given = (self.in_channels, self.out_channels)
        if self.kind in ("pooling", "pointwise"):
            if given[0] != given[1]:
                raise ValueError(f"{self.name} ({self.kind}) keeps its channels, got {given[0]} in and {given[1]} out")
        elif None in given:
            raise ValueError(f"{self.name} ({self.kind}) needs in_channels and out_channels, got {given}")
        elif given[0] % self.groups or given[1] % self.groups:
            raise ValueError(f"the channels of {self.name}, {given}, must divide by its groups, {self.groups}")

    def _check_kind(self) -> None:
        if self.kind in ("pointwise", "linear") and not self.is_plain:
            raise ValueError(f"{self.name} ({self.kind}) has no kernel, stride, padding or dilation of its own")
        if self.ceil_mode and self.kind != "pooling":
            raise ValueError(f"{self.name} ({self.kind}) has no ceil_mode; pooling has")
        if self.groups != 1 and self.kind not in ("convolution", "transposed"):
            raise ValueError(f"{self.name} ({self.kind}) has no groups")
        for extra, stride, dilation in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if extra and self.kind != "transposed":
                raise ValueError(f"{self.name} ({self.kind}) has no output_padding; a transposed convolution has")
            if extra and extra >= max(stride, dilation):
                raise ValueError(
                    f"the output_padding of {self.name}, {extra}, must be below its stride {stride} "
                    f"or its dilation {dilation}"
                )
        if self.kind == "pooling" and any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"{self.name} pads {self.padding}, more than half of its kernel {self.kernel}")

    @property
    def is_plain(self) -> bool:
        """Whether kernel, stride and dilation are 1 and nothing is padded: each output sees its own place only."""
        return all(getattr(self, key) == (least, least) for key, least in PAIRS.items())

    @property
    def extent(self) -> tuple[int, int]:
        """How many pixels the kernel spans: dilation * (kernel - 1) + 1, (down, right)."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
