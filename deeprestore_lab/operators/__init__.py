"""Forward operators A: what a measurement does to an image."""

from deeprestore_lab.operators.adjoint_check import check_adjoint
from deeprestore_lab.operators.affine import Affine
from deeprestore_lab.operators.base import Composition, Identity, LinearComposition, LinearOperator, Operator, compose
from deeprestore_lab.operators.blur import Blur
from deeprestore_lab.operators.channel_moments import ChannelDeviation, ChannelMean
from deeprestore_lab.operators.channel_scale import ChannelScale
from deeprestore_lab.operators.convolution_layer import ConvolutionLayer
from deeprestore_lab.operators.downsample import Downsample, downsampling_matrix
from deeprestore_lab.operators.filter_bank import FilterBank
from deeprestore_lab.operators.fourier_filter import FourierFilter
from deeprestore_lab.operators.fourier_mask import FourierMask
from deeprestore_lab.operators.gradient import Gradient, forward_differences, forward_differences_adjoint
from deeprestore_lab.operators.gram import Gram
from deeprestore_lab.operators.mask import Crop, Mask
from deeprestore_lab.operators.matrix import MatrixOperator, as_matrix
from deeprestore_lab.operators.one_pass import one_evaluation
from deeprestore_lab.operators.random_projection import RandomProjection
from deeprestore_lab.operators.random_views import Jitter, RandomRotation, RandomScale, RandomView, RandomViews
from deeprestore_lab.operators.separable_filter_bank import SeparableFilterBank

__all__ = [
    "Affine",
    "Blur",
    "ChannelDeviation",
    "ChannelMean",
    "ChannelScale",
    "Composition",
    "ConvolutionLayer",
    "Crop",
    "Downsample",
    "FilterBank",
    "FourierFilter",
    "FourierMask",
    "Gradient",
    "Gram",
    "Identity",
    "Jitter",
    "LinearComposition",
    "LinearOperator",
    "Mask",
    "MatrixOperator",
    "Operator",
    "RandomProjection",
    "RandomRotation",
    "RandomScale",
    "RandomView",
    "RandomViews",
    "SeparableFilterBank",
    "as_matrix",
    "check_adjoint",
    "compose",
    "downsampling_matrix",
    "forward_differences",
    "forward_differences_adjoint",
    "one_evaluation",
]
