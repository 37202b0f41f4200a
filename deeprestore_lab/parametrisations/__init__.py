"""Parametrisations g of x = g(theta): what is searched over."""

from deeprestore_lab.parametrisations.base import Parametrisation
from deeprestore_lab.parametrisations.dictionary import Dictionary
from deeprestore_lab.parametrisations.fourier import Fourier
from deeprestore_lab.parametrisations.pixels import Pixels

__all__ = ["Dictionary", "Fourier", "Parametrisation", "Pixels"]
