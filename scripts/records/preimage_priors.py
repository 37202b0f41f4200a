"""Pre-images with the course's priors, each at its tuned weight, and what of their difference is the solver's speed.

All pictures have 48 x 48 pixels, the network is `vgg_mini`, the solver L-BFGS with values in [0, 1]. The energy is the
representation error over that of zeros, plus a weight times a prior that is 1 on a natural picture. Weights are tuned
on three free photographs, each prior with as many runs; what is compared are ten others, of Set5 and Set14. Searches
start from the shipped inverse networks ("warm") or from grey with noise, with three seeds. Beside them: the method of
Mahendran & Vedaldi (2016) at all layers, a denoiser at falling levels, and deep image priors. What the record has of
the same settings is not made again: remove it to have all anew.
"""

from __future__ import annotations

import torch

from deeprestore_lab import backbones, minimise
from deeprestore_lab.baselines import annealed_denoising
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import RepresentationError
from deeprestore_lab.inverse_networks.warm_start import warm_start
from deeprestore_lab.measures.metrics import psnr, ssim, ssim_components
from deeprestore_lab.measures.perceptual import distance
from deeprestore_lab.networks.denoising_unet import trained_denoiser
from deeprestore_lab.operators import Blur
from deeprestore_lab.parametrisations import DeepImagePrior, Pixels
from deeprestore_lab.priors import AlphaNorm, PoweredVariation
from deeprestore_lab.signal.kernels import gaussian_kernel
from scripts.making import inversion
from scripts.making.inversion import PRIORS, SIZE
from scripts.making.recorded import TYPICAL_STEP, searched, strip
from scripts.making.resumable import Parts, or_shipped, recorded, rounded

LAYERS = ["relu1_1", "relu1_2", "relu2_2", "relu3_3"]
ALL_LAYERS = ["relu1_1", "relu1_2", "pool1", "relu2_1", "relu2_2", "pool2", "relu3_1", "relu3_2", "relu3_3", "pool3"]
ALL_LAYERS += ["mini4_1", "mini4_2", "mini4_3", "mini5_1", "mini5_3"]
NONE, JOINT = "no prior", "two together"
WEIGHTS = [10 ** (k / 2) for k in range(-11, -3)]  # of a prior that is 1 on a natural picture, 3e-6 to 1e-2
MIXES = [(a * b, a * (1 - b)) for a in (1e-4, 3e-4, 1e-3, 3e-3) for b in (0.3, 0.7)]  # total variation, experts
TUNING_STEPS, MAIN_STEPS, FIXED_STEPS = 80, [60, 300], [20, 40, 80, 250]
SEEDS = [0, 1, 2]
C = [1, 20, 100, 300]  # data weights of 2016
LONG_LAYERS, LONG_PRIORS = ["relu2_2", "relu3_3"], ["no prior", "total variation", "field of experts"]
LONG_WEIGHTS = {"relu2_2": WEIGHTS[3:], "relu3_3": [10 * weight for weight in WEIGHTS[3:7]]}
LONG_TUNING, LONG_STEPS = 300, [200, 1000]
LEVELS = [0.2, 0.14, 0.1, 0.07, 0.05, 0.035, 0.025, 0.017, 0.012, 0.008]
DENOISER_WEIGHTS = [3e-8, 1e-7, 3e-7, 1e-6, 3e-6]
LONG = {"weights": LONG_WEIGHTS, "tuning_steps": LONG_TUNING, "steps": LONG_STEPS}
SETTINGS = {
    "size": SIZE,
    "layers": LAYERS,
    "weights": WEIGHTS,
    "mixes": [list(mix) for mix in MIXES],
    "tuning_steps": TUNING_STEPS,
    "main_steps": MAIN_STEPS,
    "fixed_steps": FIXED_STEPS,
    "seeds": SEEDS,
    "levels": LEVELS,
    "denoiser_weights": DENOISER_WEIGHTS,
    "tuned_on": list(inversion.TUNED_ON),
    "ica": inversion.ICA,
    "long_settings": LONG,
}
PARTS = Parts("preimage_priors", SETTINGS)
NETWORK = backbones.load("vgg_mini", "embedded")
JUDGE = "squeezenet1_1", ("fire3", "fire5")  # learned apart from what is inverted


def error_of(layer: str, x: torch.Tensor) -> RepresentationError:
    phi = NETWORK.at(layer)
    with torch.no_grad():
        return RepresentationError(phi, phi(x))


def warm(layer: str, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return warm_start(layer, NETWORK.at(layer)(x), size=(SIZE, SIZE))


@torch.no_grad()
def judged(found: torch.Tensor, x: torch.Tensor, error: RepresentationError) -> dict[str, list[float]]:
    """Every measure, a number a picture."""
    network, layers = JUDGE
    shown = found.clamp(0, 1)
    parts = {name: part.mean((1, 2, 3)) for name, part in ssim_components(shown, x).items()}
    return {
        "psnr": psnr(found, x).tolist(),
        "error": error(found).tolist(),
        "ssim": ssim(shown, x).tolist(),
        "perceptual": distance(shown, x, network=backbones.load(network), layers=layers).tolist(),
        **{name: part.tolist() for name, part in parts.items()},
    }


def spread(_: str) -> tuple[dict, dict]:
    """Each prior on natural pictures and on others, over its mean on natural ones."""
    x = inversion.natural_pictures()
    draw = torch.Generator().manual_seed(0)
    kinds = {
        "natural": x,
        "with noise of 0.05": x + 0.05 * torch.randn(x.shape, generator=draw),
        "blurred": Blur(gaussian_kernel(1.0), border="reflect")(x),
        "grey with noise of 0.1": inversion.noise_start(len(x), seed=0),
    }
    found = {}
    with torch.no_grad():
        for name in PRIORS:
            values = {kind: inversion.prior(name)(own) for kind, own in kinds.items()}
            found[name] = {kind: [float(v.mean()), float(v.std())] for kind, v in values.items()}
            found[name]["unit"] = inversion.unit(name)
    noise = {}
    for layer in ALL_LAYERS:  # how far noise of 5/255 moves a map
        seen = NETWORK.at(layer)(x)
        moved = NETWORK.at(layer)(x + 5 / 255 * torch.randn(x.shape, generator=draw)) - seen
        noise[layer] = float((moved.flatten(1).square().sum(1) / seen.flatten(1).square().sum(1)).mean())
    return {"priors": found, "feature_noise": noise}, {"none": torch.zeros(1)}


def weighted(name: str, layer: str):
    """The prior of a comparison at its tuned weight."""
    if name == NONE:
        return None
    own = PARTS.get(f"tune/{layer}/{name}", tune)[0]
    weights = own["weights"][own["best"]]
    parts = ("total variation", "field of experts") if name == JOINT else (name,)
    return sum(weight * inversion.prior(part) for weight, part in zip(weights, parts, strict=True))


def tune(key: str) -> tuple[dict, dict]:
    """PSNR of the tuning pictures at every weight, from the warm start; the pictures of the first are kept.

    While the largest weight is the best, larger ones are tried.
    """
    _, layer, name = key.split("/")
    x = inversion.tuning_pictures()
    rows = [list(mix) for mix in MIXES] if name == JOINT else [[weight] for weight in WEIGHTS]
    parts = ("total variation", "field of experts") if name == JOINT else (name,)

    def scored(rows: list[list[float]]) -> tuple[torch.Tensor, torch.Tensor]:
        many = x.repeat(len(rows), 1, 1, 1)  # (weights * pictures, ...)
        every = torch.tensor(rows).repeat_interleave(len(x), 0)
        prior = sum(every[:, i] * inversion.prior(part) for i, part in enumerate(parts))
        (found,) = searched(error_of(layer, many) + prior, warm(layer, many), [TUNING_STEPS])
        return psnr(found, many).view(len(rows), len(x)), (255 * found[:: len(x)]).round().byte()

    scores, kept = scored(rows)
    while int(scores.mean(1).argmax()) >= len(rows) - len(parts) and len(rows) < 16:
        more = [[10**0.5 * weight for weight in row] for row in rows[-len(parts) :]]
        rows, scores = rows + more, torch.cat([scores, scored(more)[0]])
    return {"weights": rows, "psnr": scores.tolist(), "best": int(scores.mean(1).argmax())}, {"shown": kept}


def main_run(key: str) -> tuple[dict, dict]:
    """One prior at its tuned weight, from the warm start, at both numbers of steps."""
    _, layer, name = key.split("/")
    x = inversion.judged_pictures()
    error, prior = error_of(layer, x), weighted(name, layer)
    found = searched(error if prior is None else error + prior, warm(layer, x), MAIN_STEPS)
    numbers = {str(steps): judged(at, x, error) for steps, at in zip(MAIN_STEPS, found, strict=True)}
    if name == NONE:
        numbers["start"] = judged(warm(layer, x), x, error)
    return numbers, {"x": found[-1]}


def long_run(key: str) -> tuple[dict, dict]:
    """A prior whose weight was tuned at 300 steps in place of 80, at 200 steps and at five times as many."""
    _, layer, name = key.split("/")
    if name == NONE:
        return long_search(layer, None, 0.0)
    x, rows = inversion.tuning_pictures(), LONG_WEIGHTS[layer]
    many = x.repeat(len(rows), 1, 1, 1)
    weights = torch.tensor(rows).repeat_interleave(len(x))
    (found,) = searched(error_of(layer, many) + weights * inversion.prior(name), warm(layer, many), [LONG_TUNING])
    scores = psnr(found, many).view(len(rows), -1)
    weight = rows[int(scores.mean(1).argmax())]
    numbers, kept = long_search(layer, name, weight)
    return {"tuning": scores.tolist(), "weight": weight} | numbers, kept


def second_run(key: str) -> tuple[dict, dict]:
    """The same at the weight that was second when it was tuned, which may lie behind by less than the tuning tells."""
    _, layer, name = key.split("/")
    scores = torch.tensor(PARTS.get(f"long/{layer}/{name}", long_run)[0]["tuning"]).mean(1)
    weight = LONG_WEIGHTS[layer][int(scores.argsort(descending=True)[1])]
    numbers, kept = long_search(layer, name, weight)
    return {"weight": weight} | numbers, kept


def long_search(layer: str, name: str | None, weight: float) -> tuple[dict, dict]:
    """The ten pictures at both numbers of `LONG_STEPS`."""
    x = inversion.judged_pictures()
    error = error_of(layer, x)
    found = searched(error + weight * inversion.prior(name) if name else error, warm(layer, x), LONG_STEPS)
    numbers = {str(steps): judged(at, x, error) for steps, at in zip(LONG_STEPS, found, strict=True)}
    return numbers, {"x": found[-1]}


def fixed(key: str) -> tuple[dict, dict]:
    """From noise, three seeds: PSNR at few steps and at many, and how far the ends of one picture are apart."""
    _, layer, name = key.split("/")
    x = inversion.judged_pictures()
    many = x.repeat(len(SEEDS), 1, 1, 1)
    start = torch.cat([inversion.noise_start(len(x), seed=seed) for seed in SEEDS])
    error, prior = error_of(layer, many), weighted(name, layer)
    energy = error if prior is None else error + prior
    found = searched(energy, start, FIXED_STEPS)
    with torch.no_grad():
        rows = {
            str(steps): {
                "psnr": psnr(at, many).view(len(SEEDS), -1).tolist(),
                "error": error(at).view(len(SEEDS), -1).tolist(),
                "energy": energy(at).view(len(SEEDS), -1).tolist(),
            }
            for steps, at in zip(FIXED_STEPS, found, strict=True)
        }
    ends = found[-1].view(len(SEEDS), *x.shape)
    rows["apart"] = (ends - ends.roll(1, 0)).square().mean((2, 3, 4)).sqrt().mean(0).tolist()
    return rows, {"none": torch.zeros(1)}


class ColourBall(Pixels):
    """Pixels whose colour vector, less grey, is at most 160/255 long: the bound of 2016."""

    def __init__(self, x0: torch.Tensor, *, radius: float = 160 / 255) -> None:
        self.radius = radius
        super().__init__(x0)

    @torch.no_grad()
    def project_(self) -> None:
        centred = self.theta.data - 0.5
        length = centred.square().sum(1, keepdim=True).sqrt()
        self.theta.data = 0.5 + centred * (self.radius / length.clamp_min(1e-9)).clamp(max=1)


def published(key: str) -> tuple[dict, dict]:
    """Mahendran & Vedaldi (2016) at one layer, four data weights, five pictures: 300 steps, then 50 without jitter."""
    layer = key.split("/")[1]
    x = inversion.judged_pictures()[::2]
    many = x.repeat(len(C), 1, 1, 1)
    error = error_of(layer, many)
    share = 1 / torch.tensor(C).repeat_interleave(len(x)) / SIZE**2
    energy = error + share * (AlphaNorm() + PoweredVariation(scale=TYPICAL_STEP))
    stride = SIZE // error.target.shape[-1]
    at, jitter = torch.cat([inversion.noise_start(len(x), seed=0)] * len(C)), max(round(stride / 4), 1)
    for lr, steps, shift in ((3 / 255, 300, jitter), (0.3 / 255, 50, 0)):
        options = {"lr": lr, "steps": steps, "jitter": shift, "seed": 0}
        at = minimise(energy, ColourBall(at), solver="adam", snapshots=False, progress=False, **options).x
    with torch.no_grad():
        errors, scores = error(at).sqrt().view(len(C), -1), psnr(at, many).view(len(C), -1)
    return {"error": errors.tolist(), "psnr": scores.tolist()}, {"none": torch.zeros(1)}


def denoised(key: str) -> tuple[dict, dict]:
    """The denoiser at falling levels, its weight tuned as the priors' are, and at one level throughout."""
    layer, net = key.split("/")[1], trained_denoiser()

    def both(x: torch.Tensor, weight: float, levels: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
        options = {"levels": levels, "weight": weight, "steps": 10}
        return annealed_denoising(error_of(layer, x), warm(layer, x), net, **options)

    x = inversion.tuning_pictures()
    rows = [[float(psnr(at, x).mean()) for at in both(x, w, LEVELS)] for w in DENOISER_WEIGHTS]
    best = max(range(len(rows)), key=lambda i: max(rows[i]))
    x = inversion.judged_pictures()
    error = error_of(layer, x)
    numbers, kept = {"tuning": rows, "best": best}, {}
    for name, levels in {"falling": LEVELS, "fixed at 25/255": [25 / 255] * len(LEVELS)}.items():
        pair = both(x, DENOISER_WEIGHTS[best], levels)
        numbers[name] = {which: judged(at, x, error) for which, at in zip(("x", "z"), pair, strict=True)}
        kept[name.split()[0]] = pair[0]
    return numbers, kept


def deep(key: str) -> tuple[dict, dict]:
    """Deep image priors of three pictures, at two numbers of steps."""
    layer = key.split("/")[1]
    x = inversion.judged_pictures()[:9:4]
    error, seen = error_of(layer, x), {}

    def note(step: int, at: torch.Tensor) -> None:
        if step in (80, 400):
            seen[step] = at.clone()

    way = DeepImagePrior(tuple(x.shape), preset="tiny", seed=list(range(len(x))))
    minimise(error, way, lr=0.01, steps=400, callback=note, snapshots=False, progress=False)
    return {str(step): judged(at, x, error) for step, at in seen.items()}, {"none": torch.zeros(1)}


WORK = {
    "spread": (spread, ["spread"]),
    "tune": (tune, [f"tune/{layer}/{name}" for layer in LAYERS for name in (*PRIORS, JOINT)]),
    "main": (main_run, [f"main/{layer}/{name}" for layer in LAYERS for name in (NONE, *PRIORS, JOINT)]),
    "long": (long_run, [f"long/{layer}/{name}" for layer in LONG_LAYERS for name in LONG_PRIORS]),
    "second": (second_run, [f"second/{layer}/{name}" for layer in LONG_LAYERS for name in LONG_PRIORS[1:]]),
    "fixed": (fixed, [f"fixed/{layer}/{name}" for layer in LAYERS[1:] for name in (NONE, *PRIORS[:3:2])]),
    "denoiser": (denoised, [f"denoiser/{layer}" for layer in LAYERS]),
    "published": (published, [f"published/{layer}" for layer in ALL_LAYERS]),
    "deep": (deep, [f"deep/{layer}" for layer in LAYERS[2:]]),
}


def known(had: dict, name: str) -> dict[str, dict]:
    """The numbers that a record has of the parts of `WORK[name]`, by key."""
    found = {}
    for key in WORK[name][1]:
        at = had.get(name)
        for step in key.split("/")[1:]:
            at = (at or {}).get(step)
        if at:
            found[key] = at
    return found


def nested(parts: dict) -> dict:
    """Numbers by the path of their key."""
    found = {}
    for key, (numbers, _) in parts.items():
        *path, last = key.split("/")[1:] or [key]
        at = found
        for step in path:
            at = at.setdefault(step, {})
        at[last] = numbers
    return found


def main() -> None:
    """Make what is missing and write the record `preimage_priors`, with strips of the astronaut for its sliders."""
    had = recorded("preimage_priors", {key: own for key, own in SETTINGS.items() if key != "long_settings"})
    if had and had["long_settings"] != rounded(LONG):
        had = {key: own for key, own in had.items() if key not in ("long", "second")}
    made = {name: PARTS.all(keys, make, known=known(had, name)) for name, (make, keys) in WORK.items()}
    numbers = {name: nested(parts) for name, parts in made.items()}
    numbers["spread"] = numbers["spread"]["spread"]
    shown = {(layer, name): made["tune"][f"tune/{layer}/{name}"][1].get("shown") for layer in LAYERS for name in PRIORS}
    strips = {
        f"{layer}-{name.replace(' ', '_')}.webp": None if own is None else strip(own)
        for (layer, name), own in shown.items()
    }
    at = numbers["main"]["relu2_2"]
    mean = {name: sum(own["300"]["psnr"]) / 10 for name, own in at.items()}
    save_record(
        "preimage_priors",
        rounded({**SETTINGS, **numbers}),
        command="DEEPRESTORE_DATA=... make records NAME=preimage_priors",
        data="tuned on three free photographs; judged on ten of Set5 and Set14, units from BSDS (local)",
        licence="numbers alone of Set5, Set14 and BSDS; pictures shown are pre-images of one of NASA, public domain",
        seeds=SEEDS,
        metric="PSNR at relu2_2: " + ", ".join(f"{name} {score:.1f}" for name, score in mean.items()) + " dB",
        pictures=or_shipped("preimage_priors", strips),
    )
