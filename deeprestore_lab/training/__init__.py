"""Training: the loop on Lightning Fabric (the extra `training`), what it learns from, and how its steps behave."""

from deeprestore_lab.training.augmentation import Patches, pair_batches, turned
from deeprestore_lab.training.batch_gradients import batch_gradients, batch_variance, example_gradients
from deeprestore_lab.training.fit import fit
from deeprestore_lab.training.history import History
from deeprestore_lab.training.least_squares import LeastSquares, descend
from deeprestore_lab.training.map_networks import fit_log_ratio, fit_map_denoiser
from deeprestore_lab.training.mean_square import MeanSquare, measured_growth
from deeprestore_lab.training.run import step_generator
from deeprestore_lab.training.schedules import cosine, inverse_time, stairs
from deeprestore_lab.training.step_size import full_batch_threshold, largest_curvature

__all__ = [
    "History",
    "LeastSquares",
    "MeanSquare",
    "Patches",
    "batch_gradients",
    "batch_variance",
    "cosine",
    "descend",
    "example_gradients",
    "fit",
    "fit_log_ratio",
    "fit_map_denoiser",
    "full_batch_threshold",
    "inverse_time",
    "largest_curvature",
    "measured_growth",
    "pair_batches",
    "stairs",
    "step_generator",
    "turned",
]
