"""Style losses of the literature by name: layers, statistic, what it is divided by, and weights.

Weights of the literature hold for one network in one scale of its input; they say little about another. Chapter
08_style therefore measures relative errors. Taught in chapter 08_style.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A content and a style loss as a source defines them.

    The style loss is the sum over `style_layers` of w_l ||statistic - target||^2 / n: n is the number of values of the
    statistic where `normaliser` is "values" (a mean square error), 1 where it is "none". w_l is `style_weight` over
    C to the `power`, C the layer's number of channels. The content loss is `content_weight` times the mean square error
    of `content_layer`.
    """

    name: str
    source: str
    network: str
    style_layers: tuple[str, ...]
    content_layer: str
    style_weight: float
    content_weight: float = 1.0
    statistic: str = "gram"  # or "moments"
    normalisation: str = "hw"  # of the Gram matrix
    normaliser: str = "values"  # of the squared difference; or "none"
    power: int = 0

    def layer_weight(self, channels: int) -> float:
        """The weight of a layer with this many channels."""
        return self.style_weight / channels**self.power


_FIRST = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
_LAST = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")

_JOHNSON = {"network": "vgg16", "style_layers": _LAST, "content_layer": "relu3_3", "normalisation": "chw"}

_EACH = (
    Preset(
        "gatys2016",
        "the authors' code of Gatys et al. (2016); input 0 to 255 less its mean",
        network="vgg19",
        style_layers=_FIRST,
        content_layer="relu4_2",
        style_weight=1e3,
        power=2,
    ),
    Preset(
        "johnson2016",
        "the authors' code of Johnson et al. (2016); input 0 to 255 less its mean",
        **_JOHNSON,
        style_weight=5.0,
    ),
    Preset(
        "tutorial",
        "equations 2 and 4 of Johnson et al. (2016): the squared Frobenius norm, no mean over the Gram matrix",
        **_JOHNSON,
        normaliser="none",
        style_weight=1.0,
    ),
    Preset(
        "huang2017",
        "Huang & Belongie (2017), equations 11 to 13: channel means and deviations",
        network="vgg19",
        style_layers=_FIRST[:4],
        content_layer="relu4_1",
        statistic="moments",
        style_weight=10.0,
    ),
)
PRESETS = {preset.name: preset for preset in _EACH}
