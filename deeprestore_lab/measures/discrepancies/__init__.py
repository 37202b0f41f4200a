"""How far two samples of vectors are apart: differentiable distances, most of them for codes in the cube [0, 1]^d."""

from deeprestore_lab.measures.discrepancies.moments import moment_mismatch
from deeprestore_lab.measures.discrepancies.neighbours import nearest, reverse_chamfer
from deeprestore_lab.measures.discrepancies.pairwise import energy_distance, maximum_mean_discrepancy, projected_length
from deeprestore_lab.measures.discrepancies.samples import Level, same_law_level
from deeprestore_lab.measures.discrepancies.transport import exact_wasserstein, random_directions, sliced_wasserstein

__all__ = [
    "Level",
    "energy_distance",
    "exact_wasserstein",
    "maximum_mean_discrepancy",
    "moment_mismatch",
    "nearest",
    "projected_length",
    "random_directions",
    "reverse_chamfer",
    "same_law_level",
    "sliced_wasserstein",
]
