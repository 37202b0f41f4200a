"""Banks of filters as frames: bounds, redundancy, ReLU pairs, and denoising by a threshold.

A frame is a bank from whose responses every image can be had back; `operators.FilterBank.pseudo_inverse` does it.
"""

from deeprestore_lab.operators.frames.bounds import FrameBounds, frame_bounds, power, redundancy, response_noise_error
from deeprestore_lab.operators.frames.relu_pairs import from_relu_pair, relu_pair
from deeprestore_lab.operators.frames.threshold import cosine_frame, shrink, threshold_denoise

__all__ = [
    "FrameBounds",
    "cosine_frame",
    "frame_bounds",
    "from_relu_pair",
    "power",
    "redundancy",
    "relu_pair",
    "response_noise_error",
    "shrink",
    "threshold_denoise",
]
