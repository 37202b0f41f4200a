"""Generators without an adversary: auto-encoder, VAE, GLO, IMLE, GLANN and flows, each thin; and neighbours."""

from deeprestore_lab.generators.autoencoder import AutoEncoder, normal_like
from deeprestore_lab.generators.bounded_training import MENDED, train_bounded
from deeprestore_lab.generators.code_matching import NAIVE, Batch, MatchedTraining, Matching
from deeprestore_lab.generators.decoder import Decoder
from deeprestore_lab.generators.dequantisation import bits_per_dimension, dequantised
from deeprestore_lab.generators.flow import FirstHalf, Flow
from deeprestore_lab.generators.flow_presets import convolutional, fully_connected, image_flow, vector_flow
from deeprestore_lab.generators.glann import GLANN, train_glann
from deeprestore_lab.generators.glo import GLO, principal_start, projected, train_glo
from deeprestore_lab.generators.glow import ActNorm, AffineCoupling, LinearMixing
from deeprestore_lab.generators.imle import IMLE, matching_cost, normal_codes, summed_log_density, train_imle
from deeprestore_lab.generators.invertible import Invertible, LeakyReLU, LogitMap, Mapped, Squeeze
from deeprestore_lab.generators.neighbours import Neighbours, neighbour_recall, ranked
from deeprestore_lab.generators.reranking import Reranked, principal_projection, random_projection
from deeprestore_lab.generators.restore import LatentRestoration, restore_over_latent
from deeprestore_lab.generators.shipped_models import digit_flow, shipped
from deeprestore_lab.generators.train import train
from deeprestore_lab.generators.vae import VariationalAutoEncoder

__all__ = [
    "GLANN",
    "GLO",
    "IMLE",
    "MENDED",
    "NAIVE",
    "ActNorm",
    "AffineCoupling",
    "AutoEncoder",
    "Batch",
    "Decoder",
    "FirstHalf",
    "Flow",
    "Invertible",
    "LatentRestoration",
    "LeakyReLU",
    "LinearMixing",
    "LogitMap",
    "Mapped",
    "MatchedTraining",
    "Matching",
    "Neighbours",
    "Reranked",
    "Squeeze",
    "VariationalAutoEncoder",
    "bits_per_dimension",
    "convolutional",
    "dequantised",
    "digit_flow",
    "fully_connected",
    "image_flow",
    "matching_cost",
    "neighbour_recall",
    "normal_codes",
    "normal_like",
    "principal_projection",
    "principal_start",
    "projected",
    "random_projection",
    "ranked",
    "restore_over_latent",
    "shipped",
    "summed_log_density",
    "train",
    "train_bounded",
    "train_glann",
    "train_glo",
    "train_imle",
    "vector_flow",
]
