"""The ridge regulariser on BSD68 beside BM3D, its curve, other tasks than denoising, and where it fails.

BSD68 has the same noise as in the record `field_of_experts`, whose rows of BM3D stand here, too. Other tasks are those
of held-out photographs, 192 x 192, in grey, with noise of 5/255: the level that the energy is taken at is the best of a
grid with the truth, as total variation's weight is. What the record has of the same settings is not made again: remove
it to have all anew, hours of training included.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from deeprestore_lab import images, minimise
from deeprestore_lab.baselines.bm3d import bm3d
from deeprestore_lab.core.artifacts import load_record, save_record
from deeprestore_lab.energies import GaussianLikelihood
from deeprestore_lab.measures.metrics import psnr
from deeprestore_lab.operators import Blur, Downsample, Mask, Operator
from deeprestore_lab.priors import Prior, RidgeFamily, TotalVariation
from deeprestore_lab.signal.kernels import gaussian_kernel
from scripts.making import bsd68
from scripts.making.resumable import Parts, recorded, rounded
from scripts.making.ridge_training import SETTINGS as TRAINING
from scripts.making.ridge_training import STAGES, learned

LEVELS, COMPARED = (25, 15), 25  # over 255, of BSD68, and the one at which all trainings are measured
TRAININGS = {"free": ("free", 0), "free_1": ("free", 1), "free_2": ("free", 2), "bsds": ("bsds", 0)}
PUBLISHED = {  # grey BSD68, from the authors' tables: Goujon, Neumayer & Unser (2024)
    "weakly convex ridge": {"5": 37.65, "15": 31.21, "25": 28.68},
    "convex ridge": {"5": 36.96, "15": 30.54, "25": 28.10},
}
SIZE, SIGMA, SEED = 192, 5 / 255, 0
PRIOR_LEVELS = (5 / 255, 10 / 255, 20 / 255, 40 / 255)
SHARES = (1.0,)  # of the energy's own weight in nats
PICTURES = ("chelsea",)
TASKS: dict[str, Callable[[torch.Tensor], Operator]] = {
    "half of the pixels": lambda x: Mask(images.random_mask(x, keep=0.5, seed=SEED)),
    "a fifth of the pixels": lambda x: Mask(images.random_mask(x, keep=0.2, seed=SEED)),
    "half the size": lambda x: Downsample(2),
    "blur of 1.5 pixels": lambda x: Blur(gaussian_kernel(1.5), border="reflect"),
}
SETTINGS = {"size": SIZE, "sigma": f"{SIGMA:.5f}", "prior_levels": len(PRIOR_LEVELS), "shares": list(SHARES)}


def family(name: str) -> RidgeFamily:
    """The shipped family, or that of another of `TRAININGS`."""
    if name == "free":
        return RidgeFamily.trained()
    source, seed = TRAININGS[name]
    made = RidgeFamily()
    made.load_state_dict(learned(source, seed=seed)[1])
    return made.requires_grad_(False)


def on_bsd68(name: str, level: int) -> dict:
    """Mean PSNR and that of each picture."""
    own = family(name)
    settings = {"steps": sum(steps for steps, _ in STAGES), "sum": f"{float(own.coefficients.abs().sum()):.4f}"}
    return bsd68.mean_psnr(f"ridge_{name}", lambda y: own.denoised(y, level / 255), level=level, settings=settings)


def classical(level: int) -> dict:
    """BM3D, which is told the level, on the same noise: a row of the record `field_of_experts`."""
    return load_record("field_of_experts")["denoising"][str(level)]["bm3d"]


def restored(A: Operator, y: torch.Tensor, prior: Prior, weight: float, start: torch.Tensor) -> torch.Tensor:
    energy = GaussianLikelihood(A, y, sigma=SIGMA) + weight * prior
    options = (
        {"solver": "admm", "steps": 200} if isinstance(prior, TotalVariation) else {"tolerance": 1e-3, "steps": 250}
    )
    return minimise(energy, start, snapshots=False, progress=False, **options).x


def task(key: str) -> tuple[dict, dict]:
    """Both priors on one picture and task, each at its best setting of the grid."""
    picture, name = key.split("/")
    x = images.photograph(picture, size=SIZE, grey=True)
    A = TASKS[name](x)
    clean = A(x)
    y = clean + images.gaussian_noise(clean, sigma=SIGMA, seed=SEED)
    if isinstance(A, Mask):
        known = (A(torch.ones_like(x)) > 0).float()
        y, start = known * y, known * y + (1 - known) * (known * y).sum() / known.sum()
    else:
        start = images.resize(y, x.shape[2:])
    own, tv = RidgeFamily.trained(), TotalVariation()
    grid = {
        "ridge": {(s, w): (own.at(s), w) for s in PRIOR_LEVELS for w in SHARES},
        "total variation": {w: (tv, float(w)) for w in torch.logspace(0.4, 1.9, 6).tolist()},
    }
    found = {"start": float(psnr(start, x))}
    for prior, settings in grid.items():
        scores = {s: float(psnr(restored(A, y, *with_weight, start), x)) for s, with_weight in settings.items()}
        best = max(scores, key=scores.get)
        found[prior] = {"psnr": scores[best], "setting": list(best) if isinstance(best, tuple) else best}
        if prior == "ridge":
            found[prior]["own"] = scores[(SIGMA, 1.0)]
    return found, {}


def failures() -> dict:
    """Noise that is not what it is told, and texture: PSNR of the ridge and of BM3D."""
    own, rows = RidgeFamily.trained(), {}
    x = images.photograph("camera", size=SIZE, grey=True)
    noise = images.gaussian_noise(x, sigma=1.0, seed=SEED)
    for told in (15, 25, 40):
        y = x + 25 / 255 * noise
        rows[f"noise 25, told {told}"] = pair(own, x, y, told / 255)
    rate = torch.rand(x.shape, generator=torch.Generator().manual_seed(SEED))
    salt = torch.where(rate < 0.02, 0.0, torch.where(rate > 0.98, 1.0, x))
    rows["salt and pepper 4 %, told its root mean square"] = pair(
        own, x, salt, float((salt - x).square().mean().sqrt())
    )
    for name in ("brick", "grass", "gravel"):
        x = images.photograph(name, size=SIZE, grey=True)
        rows[f"texture {name}, 25"] = pair(own, x, x + images.gaussian_noise(x, sigma=25 / 255, seed=SEED), 25 / 255)
    return rows


def pair(own: RidgeFamily, x: torch.Tensor, y: torch.Tensor, sigma: float) -> dict:
    return {
        "noisy": float(psnr(y, x)),
        "ridge": float(psnr(own.denoised(y, sigma), x)),
        "bm3d": float(psnr(bm3d(y, sigma), x)),
    }


def curve(name: str) -> dict:
    """The curve of one of `TRAININGS`."""
    source, seed = TRAININGS[name]
    return learned(source, seed=seed)[0]


def trained_so() -> dict:
    """The settings of the training whose family is measured."""
    return TRAINING | {"stages": [list(stage) for stage in STAGES]}


def main() -> None:
    """Make all that is missing and write the record `ridge_regulariser`."""
    torch.set_num_threads(1)
    had = recorded("ridge_regulariser", SETTINGS | {"training": trained_so()})
    kept = had.get("bsd68", {})
    rows = {}
    for level in LEVELS:
        names = TRAININGS if level == COMPARED else ["free"]
        own = {name: kept.get(str(level), {}).get(name) or on_bsd68(name, level) for name in names}
        rows[str(level)] = own | {"bm3d": classical(level)}
    means = {level: {name: row["psnr"] for name, row in own.items()} for level, own in rows.items()}
    keys = [f"{picture}/{name}" for picture in PICTURES for name in TASKS]
    made = Parts("ridge_tasks", SETTINGS).all(keys, task, known=had.get("tasks"))
    tasks = {key: found for key, (found, _) in made.items()}
    at = {level: RidgeFamily.trained().at(level / 255) for level in LEVELS}
    content = {
        **SETTINGS,
        "training": trained_so(),
        "curves": {name: had.get("curves", {}).get(name) or curve(name) for name in TRAININGS},
        "bsd68": rows,
        "means": means,
        "published": PUBLISHED,
        "weak_convexity": {str(level): r.weak_convexity * (level / 255) ** 2 for level, r in at.items()},
        "largest_curvature": {str(level): r.largest_curvature * (level / 255) ** 2 for level, r in at.items()},
        "tasks": tasks,
        "failures": had.get("failures") or failures(),
    }
    save_record(
        "ridge_regulariser",
        rounded(content),
        command="make records NAME=ridge_regulariser",
        data="BSD68; photographs of scikit-image",
        licence=bsd68.LICENCE,
        seeds=sorted({seed for _, seed in TRAININGS.values()}),
        metric="mean PSNR on BSD68: "
        + "; ".join(f"at {level} " + ", ".join(f"{n} {v:.2f}" for n, v in own.items()) for level, own in means.items()),
    )
