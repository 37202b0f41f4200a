"""Building blocks with parameters: hourglass, auto-encoders, plain and coordinate networks; and what measures them."""

from deeprestore_lab.networks.bounded_autoencoder import BoundedAutoEncoder, latent_autoencoder, leaky_layers
from deeprestore_lab.networks.checkerboard import overlap_counts, stride_energy
from deeprestore_lab.networks.coordinates import MLP, FourierFeatures, grid, random_frequencies
from deeprestore_lab.networks.denoisers import denoiser
from deeprestore_lab.networks.denoising_unet import DenoisingUNet, trained_denoiser
from deeprestore_lab.networks.diffusion_unet import DiffusionUNet, diffusion_digits
from deeprestore_lab.networks.digit_classifier import DigitClassifier, digit_classifier
from deeprestore_lab.networks.digit_judge import DigitJudge, digit_judge
from deeprestore_lab.networks.encoder_decoder import EncoderDecoder, copying_network
from deeprestore_lab.networks.feed_forward_style import FeedForwardStyle, style_net
from deeprestore_lab.networks.hourglass import PRESETS, Hourglass, preset
from deeprestore_lab.networks.jacobian import JacobianMeasures, jacobian_measures
from deeprestore_lab.networks.map_networks import MapDenoiser, WindowClassifier
from deeprestore_lab.networks.style_decoder import StyleDecoder, adain_decoder
from deeprestore_lab.networks.super_resolution import SRCNN, Upsampler, bicubic, super_resolver

__all__ = [
    "MapDenoiser",
    "WindowClassifier",
    "MLP",
    "PRESETS",
    "SRCNN",
    "BoundedAutoEncoder",
    "DenoisingUNet",
    "DiffusionUNet",
    "DigitClassifier",
    "DigitJudge",
    "EncoderDecoder",
    "FeedForwardStyle",
    "FourierFeatures",
    "Hourglass",
    "JacobianMeasures",
    "StyleDecoder",
    "Upsampler",
    "adain_decoder",
    "bicubic",
    "copying_network",
    "denoiser",
    "diffusion_digits",
    "digit_classifier",
    "digit_judge",
    "grid",
    "jacobian_measures",
    "latent_autoencoder",
    "leaky_layers",
    "overlap_counts",
    "preset",
    "random_frequencies",
    "stride_energy",
    "style_net",
    "super_resolver",
    "trained_denoiser",
]
