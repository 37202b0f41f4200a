"""What samples of a generator are worth, on rows `(N, D)`: pixels or features. No one measure is enough."""

from deeprestore_lab.measures.sample_quality.classes import class_entropy
from deeprestore_lab.measures.sample_quality.holes import hole_rate, threshold_of
from deeprestore_lab.measures.sample_quality.neighbourhoods import PrecisionAndCoverage, precision_and_coverage
from deeprestore_lab.measures.sample_quality.roc import area_under_roc

__all__ = [
    "PrecisionAndCoverage",
    "area_under_roc",
    "class_entropy",
    "hole_rate",
    "precision_and_coverage",
    "threshold_of",
]
