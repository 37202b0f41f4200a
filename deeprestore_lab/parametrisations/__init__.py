"""Parametrisations g of x = g(theta): what is searched over."""

from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.decorrelated import DecorrelatedFourier, colour_axes
from deeprestore_lab.parametrisations.deep_image_prior import DeepImagePrior
from deeprestore_lab.parametrisations.dictionary import Dictionary
from deeprestore_lab.parametrisations.fourier import Fourier
from deeprestore_lab.parametrisations.image_and_latent import ImageAndLatent
from deeprestore_lab.parametrisations.latent import Latent
from deeprestore_lab.parametrisations.network import Network
from deeprestore_lab.parametrisations.pixels import Pixels
from deeprestore_lab.parametrisations.plain_network import CoordinateNetwork, PlainMLP

__all__ = [
    "CoordinateNetwork",
    "DecorrelatedFourier",
    "DeepImagePrior",
    "Dictionary",
    "Fourier",
    "ImageAndLatent",
    "Latent",
    "Network",
    "Parametrisation",
    "Pixels",
    "PlainMLP",
    "colour_axes",
]
