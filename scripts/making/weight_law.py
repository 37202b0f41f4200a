"""A power law from a layer's noise to a prior's weight that loses least against each layer's best, in dB."""

from __future__ import annotations

import numpy as np

COEFFICIENTS = np.logspace(-4, 0, 161)
EXPONENTS = np.linspace(0, 4, 81)


def losses(curve: dict, weights: np.ndarray) -> np.ndarray:
    """What each of these weights loses against the best that was tried, PSNR between two tried ones being on a line.

    `curve` has the "weights" tried and their "psnr". Beyond what was tried it is the last one's loss and 2 dB a decade.
    """
    order = np.argsort(curve["weights"])
    at, psnr = np.log10(np.array(curve["weights"])[order]), np.array(curve["psnr"])[order]
    wanted = np.log10(weights)
    beyond = np.maximum(at[0] - wanted, 0) + np.maximum(wanted - at[-1], 0)
    return psnr.max() - np.interp(wanted, at, psnr) + 2 * beyond


def weight_at(curve: dict, coefficient: np.ndarray | float, exponent: np.ndarray | float) -> np.ndarray:
    return np.asarray(coefficient * (100 * curve["noise"]) ** exponent)


def fit(curves: dict[str, dict]) -> tuple[float, float]:
    """(coefficient, exponent) of weight = coefficient (noise / 1 %)^exponent with the least worst loss over all curves.

    The mean breaks ties.
    """
    grid_c, grid_k = np.meshgrid(COEFFICIENTS, EXPONENTS, indexing="ij")
    every = np.stack([losses(own, weight_at(own, grid_c, grid_k)) for own in curves.values()])
    place = np.unravel_index(np.argmin(every.max(0) + 0.01 * every.mean(0)), grid_c.shape)
    return float(grid_c[place]), float(grid_k[place])


def law(curves: dict[str, dict]) -> dict:
    """The law of all curves ("NETWORK/LAYER/PRIOR"), and what it loses at each network when fitted to the others."""
    coefficient, exponent = fit(curves)
    left_out = {}
    for network in sorted({key.split("/")[0] for key in curves}):
        c, k = fit({key: own for key, own in curves.items() if not key.startswith(network + "/")})
        for key, own in curves.items():
            if key.startswith(network + "/"):
                left_out[key] = float(losses(own, weight_at(own, c, k)))
    return {
        "coefficient": coefficient,
        "exponent": exponent,
        "weight": {key: float(weight_at(own, coefficient, exponent)) for key, own in curves.items()},
        "best": {key: own["weights"][int(np.argmax(own["psnr"]))] for key, own in curves.items()},
        "loss": {key: float(losses(own, weight_at(own, coefficient, exponent))) for key, own in curves.items()},
        "loss_left_out": left_out,
    }
