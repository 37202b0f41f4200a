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
    C^`power`, C the layer's number of channels. The content loss is `content_weight` times the mean square error of
    `content_layer`.
    """

    name: str
    source: str
    network: str
    style_layers: tuple[str, ...]
    content_layer: str
    statistic: str  # "gram" or "moments"
    normalisation: str  # of the Gram matrix
    normaliser: str  # of the squared difference: "values" or "none"
    style_weight: float
    content_weight: float
    power: int = 0

    def layer_weight(self, channels: int) -> float:
        """The weight of a layer with this many channels."""
        return self.style_weight / channels**self.power


_FIRST = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
_LAST = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "gatys2016",
            "the authors' code of Gatys et al. (2016); input 0 to 255 less its mean",
            "vgg19",
            _FIRST,
            "relu4_2",
            statistic="gram",
            normalisation="hw",
            normaliser="values",
            style_weight=1e3,
            content_weight=1.0,
            power=2,
        ),
        Preset(
            "johnson2016",
            "the authors' code of Johnson et al. (2016); input 0 to 255 less its mean",
            "vgg16",
            _LAST,
            "relu3_3",
            statistic="gram",
            normalisation="chw",
            normaliser="values",
            style_weight=5.0,
            content_weight=1.0,
        ),
        Preset(
            "tutorial",
            "equations 2 and 4 of Johnson et al. (2016): the squared Frobenius norm, no mean over the Gram matrix",
            "vgg16",
            _LAST,
            "relu3_3",
            statistic="gram",
            normalisation="chw",
            normaliser="none",
            style_weight=1.0,
            content_weight=1.0,
        ),
        Preset(
            "huang2017",
            "Huang & Belongie (2017), equations 11 to 13: channel means and deviations",
            "vgg19",
            _FIRST[:4],
            "relu4_1",
            statistic="moments",
            normalisation="hw",
            normaliser="values",
            style_weight=10.0,
            content_weight=1.0,
        ),
    )
}
