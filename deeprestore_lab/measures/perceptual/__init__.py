"""Distances that compare images as a network sees them, for tables and claims, and how far two networks agree."""

from deeprestore_lab.measures.perceptual.agreement import (
    distorted_pairs,
    explained_variance,
    linear_head,
    rank_agreement,
)
from deeprestore_lab.measures.perceptual.distance import DISTANCE_LAYERS, distance

__all__ = ["DISTANCE_LAYERS", "distance", "distorted_pairs", "explained_variance", "linear_head", "rank_agreement"]
