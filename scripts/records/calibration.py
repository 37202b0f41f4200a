"""Fit the reference weight lambda_ref(sigma) = coefficient * sigma^exponent of every prior, for `calibrated`.

Each training photograph, at each size and noise level, is denoised over a range of weights, which gives a curve of
PSNR against the logarithm of the weight. The power law is the one that loses least against the best weight of each
case: it minimises the mean fourth power of the loss in dB, so that the worst cases count most. Denoising is the
prior's proximal step, exact or to a stated duality gap, so no solver setting enters. The held-out photographs are
not touched: a test uses them.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize
from tqdm import tqdm

from deeprestore_lab import images, minimise
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators import Identity
from deeprestore_lab.priors import AlphaNorm, FieldOfExperts, Prior, Tikhonov, TotalVariation
from scripts.making.resumable import Parts

SIGMAS = [value / 255 for value in (5, 10, 25, 50, 75)]
SIZES = (64, 128, 256)
FACTORS = 2.0 ** np.arange(-2, 2.1, 0.25)  # of the first guess, made at the smallest size
WIDE = 2.0 ** np.arange(-14, 12)
SEED = 0
START = {"priors": (0.089, -0.69), "grey": (0.07, -0.69)}  # coefficient and exponent that a search begins at
SEARCHED = {"sizes": (64,), "factors": 2.0 ** np.arange(-1.5, 1.6, 0.5)}  # where a step has to be searched for
PARTS = Parts("calibration", {"sigmas": SIGMAS, "sizes": list(SIZES), "factors": FACTORS.tolist(), "seed": SEED})


def priors() -> list[Prior]:
    """The priors that get a reference weight."""
    variations = [
        TotalVariation(kind=kind, colour=colour, gap=1e-3)
        for kind in ("isotropic", "anisotropic")
        for colour in ("joint", "channel")
    ]
    return [*variations, Tikhonov("gradient"), Tikhonov("identity"), AlphaNorm(), AlphaNorm(colour="channel")]


def searched_priors() -> list[Prior]:
    """The priors without a proximal step, whose solutions `minimise` finds: at 64 x 64 alone, which takes minutes."""
    return [FieldOfExperts.trained()]


def psnr_by_weight(prior: Prior, x: torch.Tensor, *, sigma: float, weights: np.ndarray) -> np.ndarray:
    """PSNR of the denoised photograph for each weight, shape (weights,); one batch."""
    y = x + images.gaussian_noise(x, sigma=sigma, seed=SEED)
    batch = y.expand(len(weights), -1, -1, -1)
    if not prior.has_prox:
        energy = GaussianLikelihood(Identity(), batch, sigma=sigma) + torch.as_tensor(weights, dtype=x.dtype) * prior
        found = minimise(energy, batch, tolerance=2e-3, steps=200, snapshots=False, progress=False).x
        return psnr(found, x.expand_as(batch)).double().numpy()
    restored = prior.prox(batch, torch.as_tensor(weights * sigma**2, dtype=x.dtype))
    return psnr(restored, x.expand_as(batch)).double().numpy()


def first_guess(prior: Prior, photographs: dict[str, torch.Tensor]) -> np.ndarray:
    """For each noise level, the weight of a wide range that is best on average at the smallest size."""
    small = [images.resize(x, size=SIZES[0]) for x in photographs.values()]
    guesses = []
    for sigma in SIGMAS:
        curves = [psnr_by_weight(prior, x, sigma=sigma, weights=WIDE) for x in small]
        guesses.append(WIDE[np.mean(curves, axis=0).argmax()])
    return np.array(guesses)


def losses(law: np.ndarray, cases: list[tuple[float, CubicSpline, float, np.ndarray]]) -> np.ndarray:
    """dB lost by the power law (log coefficient, exponent) in each case, extended as a line beyond the range."""
    lost = []
    for sigma, curve, best, ends in cases:
        wanted = law[0] + law[1] * np.log(sigma)
        inside = np.clip(wanted, *ends)
        lost.append(best - curve(inside) + 10 * abs(wanted - inside))
    return np.array(lost)


def fit(prior: Prior, photographs: dict[str, torch.Tensor], *, law: tuple[float, float] | None = None) -> dict:
    """The row of one prior: the power law and what it loses on the training photographs; `law` to start from."""
    guesses, cases = first_guess(prior, photographs) if law is None else law[0] * np.array(SIGMAS) ** law[1], []
    sizes, factors = (SIZES, FACTORS) if law is None else SEARCHED.values()
    grid = [(x, size, s) for x in photographs.values() for size in sizes for s in range(len(SIGMAS))]
    for x, size, s in tqdm(grid, desc=prior.calibration_key):
        weights = guesses[s] * factors
        curve = psnr_by_weight(prior, images.resize(x, size=size), sigma=SIGMAS[s], weights=weights)
        logs = np.log(weights)
        spline = CubicSpline(logs, curve)
        fine = np.linspace(logs[0], logs[-1], 500)
        cases.append((SIGMAS[s], spline, float(spline(fine).max()), logs[[0, -1]]))
    start = np.polyfit(np.log(SIGMAS), np.log(guesses), 1)[::-1]
    simplex = start + np.array([[0, 0], [0.5, 0], [0, 0.3]])
    options = {"initial_simplex": simplex, "xatol": 1e-4, "fatol": 1e-9}
    found = minimize(lambda law: np.mean(losses(law, cases) ** 4), start, method="Nelder-Mead", options=options)
    lost = losses(found.x, cases)
    return {
        "coefficient": float(np.exp(found.x[0])),
        "exponent": float(found.x[1]),
        "mean_loss_db": float(lost.mean()),
        "worst_loss_db": float(lost.max()),
    }


def fit_all(photographs: dict[str, torch.Tensor], *, kind: str) -> dict[str, dict]:
    """The rows of all priors, each kept once it is fitted."""
    keys = {f"{kind} {prior.calibration_key}": prior for prior in priors()}
    fitted = PARTS.all(list(keys), lambda key: (fit(keys[key], photographs), {}))
    return {prior.calibration_key: fitted[key][0] for key, prior in keys.items()} | fit_searched(photographs, kind=kind)


def fit_searched(photographs: dict[str, torch.Tensor], *, kind: str) -> dict[str, dict]:
    """The rows of the priors without a proximal step."""
    keys = {f"{kind} {prior.calibration_key}": prior for prior in searched_priors()}
    fitted = PARTS.all(list(keys), lambda key: (fit(keys[key], photographs, law=START[kind]), {}))
    return {prior.calibration_key: fitted[key][0] for key, prior in keys.items()}


def training_photographs() -> dict[str, torch.Tensor]:
    """The photographs that weights are fitted on, in colour."""
    return {name: images.photograph(name, size=max(SIZES)) for name in images.TRAINING_PHOTOGRAPHS}


def main() -> None:
    """Fit all priors, in colour and in grey, and write the record `calibration`."""
    photographs = training_photographs()
    grey = {name: images.to_grey(x) for name, x in photographs.items()}
    # Parts are kept, so that a run goes on where it stopped, and one kind of pictures can be fitted without the other.
    rows = {"priors": fit_all(photographs, kind="priors"), "grey": fit_all(grey, kind="grey")}
    save(rows)


def save(rows: dict[str, dict[str, dict]]) -> None:
    """Write the record of these rows."""
    names = images.TRAINING_PHOTOGRAPHS
    save_record(
        "calibration",
        {"photographs": list(names), "sizes": list(SIZES), "sigmas_over_255": [5, 10, 25, 50, 75], **rows},
        command="make records NAME=calibration",
        data="photographs of scikit-image and scikit-learn: " + ", ".join(names),
        licence="as stated by scikit-image and scikit-learn for each picture; none is shipped here",
        seeds=[SEED],
        metric="mean loss against the best weight of each case, in colour: "
        + ", ".join(f"{key} {row['mean_loss_db']:.2f} dB" for key, row in rows["priors"].items())
        + "; in grey: "
        + ", ".join(f"{key} {row['mean_loss_db']:.2f} dB" for key, row in rows["grey"].items()),
    )
