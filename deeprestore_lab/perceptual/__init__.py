"""Distances that compare images as a network sees them: for tables and claims, beside PSNR and SSIM."""

from deeprestore_lab.perceptual.distance import DISTANCE_LAYERS, distance
from deeprestore_lab.perceptual.table import for_tables

__all__ = ["DISTANCE_LAYERS", "distance", "for_tables"]
