"""Texture synthesis and style transfer: sums of representation errors in the one equation.

Statistics of feature maps that forget positions (Gram matrices, channel moments) say what a texture is; a feature map
says what stands where. Taught in chapter 08_style.
"""

from deeprestore_lab.style.energies import content_energy, style_energy, texture_energy, texture_layers
from deeprestore_lab.style.gaussian_maps import adaptive_instance_normalisation, match_covariance
from deeprestore_lab.style.presets import PRESETS, Preset
from deeprestore_lab.style.restyle import restyle
from deeprestore_lab.style.transfer import colour_noise, synthesise, transfer

__all__ = [
    "PRESETS",
    "Preset",
    "adaptive_instance_normalisation",
    "colour_noise",
    "content_energy",
    "match_covariance",
    "restyle",
    "style_energy",
    "synthesise",
    "texture_energy",
    "texture_layers",
    "transfer",
]
