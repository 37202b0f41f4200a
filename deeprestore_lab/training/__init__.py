"""Training: the loop on Lightning Fabric (the extra `training`), patches to train on, schedules of the step size."""

from deeprestore_lab.training.fit import History, fit
from deeprestore_lab.training.patches import Patches
from deeprestore_lab.training.schedules import cosine

__all__ = ["History", "Patches", "cosine", "fit"]
