"""What feature maps look like: covariance over space, nearness to Toeplitz, marginals, sparsity, dependence, spread.

Taught in chapter 15_feature_statistics.
"""

from deeprestore_lab.measures.feature_statistics.covariance import (
    CENTRINGS,
    photograph_covariances,
    spatial_covariance,
    standardised,
)
from deeprestore_lab.measures.feature_statistics.dependence import (
    effective_rank,
    energy_correlation,
    hoyer_sparsity,
    zero_share,
)
from deeprestore_lab.measures.feature_statistics.groups import group_nats, patch_rows
from deeprestore_lab.measures.feature_statistics.marginals import FAMILIES, Family, fit_marginal
from deeprestore_lab.measures.feature_statistics.photographs import bootstrap_counts, bootstrap_interval
from deeprestore_lab.measures.feature_statistics.rectified import RECTIFIED, fit_rectified
from deeprestore_lab.measures.feature_statistics.spread import Separation, separation
from deeprestore_lab.measures.feature_statistics.toeplitz import (
    ToeplitzReport,
    nearest_toeplitz,
    toeplitz_distance,
    toeplitz_floor,
    toeplitz_report,
)

__all__ = [
    "group_nats",
    "patch_rows",
    "CENTRINGS",
    "FAMILIES",
    "RECTIFIED",
    "Family",
    "Separation",
    "ToeplitzReport",
    "bootstrap_counts",
    "bootstrap_interval",
    "effective_rank",
    "energy_correlation",
    "fit_marginal",
    "fit_rectified",
    "hoyer_sparsity",
    "nearest_toeplitz",
    "photograph_covariances",
    "separation",
    "spatial_covariance",
    "standardised",
    "toeplitz_distance",
    "toeplitz_floor",
    "toeplitz_report",
    "zero_share",
]
