"""Pictures of SqueezeNet's and GoogLeNet's classes by every prior of the course, judged by the other network.

Needs both networks' local weights. Weights and rates are tuned on ten classes (priors by themselves on five) and
reported on six others, five seeds each. Every method takes 100 steps at 112 x 112, plug-and-play and the deep image
prior too. The baseline is the recipe of the library lucent, written out (`scripts/making/common_recipe.py`), with as
many rates tried as settings of ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.nn.functional import interpolate

from deeprestore_lab import backbones, images, minimise
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.energies import Activation, Energy, unit_direction
from deeprestore_lab.measures.activation_pictures import class_answers, relative_diversity
from deeprestore_lab.networks import trained_denoiser
from deeprestore_lab.operators import Jitter, RandomRotation, RandomScale
from deeprestore_lab.parametrisations import DecorrelatedFourier, DeepImagePrior, Parametrisation, Pixels
from deeprestore_lab.priors import AlphaNorm, DenoiserScore, FieldOfExperts, PoweredVariation, TotalVariation
from scripts.making.common_recipe import recipe
from scripts.making.recorded import TYPICAL_STEP, small_strip
from scripts.making.resumable import Parts, rounded

SIZE, STEPS, LARGEST = 112, 100, 50.0  # LARGEST: about the largest logit of SqueezeNet on the photographs
PHOTOGRAPHS = ["astronaut", "chelsea", "coffee", "rocket", "flower", "china", "motorcycle", "retina"]
CLASSES = {1: "goldfish", 130: "flamingo", 281: "tabby cat", 323: "monarch", 967: "espresso", 985: "daisy"}
TUNING = [9, 107, 113, 288, 340, 417, 553, 817, 949, 963]
SEEDS = [0, 1, 2, 3, 4]
NARROW = RandomRotation(10) @ RandomScale(0.1) @ Jitter(8)
WIDE = RandomRotation(15) @ RandomScale(0.2) @ Jitter(16)
BY_PRIOR = {  # on pixels: the weights tried, over the prior's mean on photographs
    "total variation": [0.7, 3.0, 10.0, 30.0],
    "alpha-norm and squared variation": [0.1, 0.5, 2.0, 8.0, 30.0],
    "field of experts": [0.2, 0.7, 3.0, 10.0, 30.0],
    "denoiser": [0.003, 0.01, 0.03],  # 0.1 leaves grey, which scores better than specks
}
OURS = [  # settings tried: rate, weight of total variation, views, decay
    (0.1, 0.7, "narrow", 1.0),
    (0.05, 0.7, "narrow", 1.0),
    (0.2, 0.7, "narrow", 1.0),
    (0.1, 0.2, "narrow", 1.0),
    (0.1, 2.0, "narrow", 1.0),
    (0.1, 0.7, "wide", 1.0),
    (0.1, 2.0, "wide", 1.0),
    (0.1, 0.7, "narrow", 1.5),
]
RATES = [0.02, 0.035, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3]  # of the recipe
SLIDER = [0.0, 0.2, 0.7, 2.0, 7.0, 20.0]
HARD = [1e4, 3e3, 1e3, 3e2, 1e2, 30.0, 10.0, 3.0]  # weights of staying near, for adversarial examples
SETTINGS = {
    "size": SIZE,
    "steps": STEPS,
    "classes": {str(c): name for c, name in CLASSES.items()},
    "tuning": TUNING,
    "seeds": SEEDS,
    "photographs": PHOTOGRAPHS,
    "by_prior": BY_PRIOR,
    "ours": [list(own) for own in OURS],
    "rates": RATES,
    "slider": SLIDER,
    "hard": HARD,
    "largest": LARGEST,
}
PARTS = Parts("class_pictures", SETTINGS)
PIXELS = SIZE**2


def last_layer(network: str) -> str:
    return {"squeezenet1_1": "conv10", "googlenet": "loss3"}[network]


def logits(network: str, x: torch.Tensor) -> torch.Tensor:
    """`(N, 1000)`; GoogLeNet sees 224 x 224, SqueezeNet the picture as it is."""
    layer = last_layer(network)
    if network == "googlenet":
        x = interpolate(x, size=224, mode="bilinear", align_corners=False)
    with torch.no_grad():
        seen = [backbones.load(network, "local").features(own, [layer])[layer] for own in x.split(10)]
    return torch.cat(seen).mean((2, 3))


def priors() -> dict[str, Energy]:
    """Each prior over its mean on photographs a pixel, so that weights can be compared."""
    x = images.photographs(PHOTOGRAPHS, size=SIZE)
    found = {
        "total variation": TotalVariation(smoothing=0.01) / TYPICAL_STEP,
        "alpha-norm": AlphaNorm(),
        "squared variation": PoweredVariation(scale=TYPICAL_STEP),
        "field of experts": FieldOfExperts.trained(),
    }
    with torch.no_grad():
        own = {name: prior / float(prior(x).mean() / PIXELS) for name, prior in found.items()}
    own["alpha-norm and squared variation"] = own.pop("alpha-norm") + own.pop("squared variation")
    return own


def wanted(classes: list[int], network: str = "squeezenet1_1") -> Activation:
    """Minus the logit of each picture's class over the largest one seen, a pixel."""
    phi = backbones.load(network, "local").at(last_layer(network))
    shape = phi.network.shapes(phi.layer, (SIZE, SIZE))[phi.layer]
    return Activation(phi, unit_direction(shape, classes, position="mean"), scale=LARGEST / PIXELS)


def starts(seeds: list[int]) -> torch.Tensor:
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    return 0.5 + 0.01 * torch.cat([torch.randn(1, 3, SIZE, SIZE, generator=draw) for draw in draws])


def searched(energy: Energy, g: Parametrisation, *, solver: str = "adam", **options) -> torch.Tensor:
    options = {"steps": STEPS, **options}
    trace = minimise(energy, g, solver=solver, snapshots=False, progress=False, **options)
    return trace.x.clamp(0, 1)


def on_pixels(name: str, weight: float, **options) -> Callable[[list[int], list[int]], torch.Tensor]:
    """Pixels with one of the priors, by the classes and the seeds; `options` are those of the search."""

    def make(classes: list[int], seeds: list[int]) -> torch.Tensor:
        if name == "denoiser":  # a step of sigma^2 / weight down the activation, then the denoiser
            network = trained_denoiser()
            score = DenoiserScore(lambda v, sigma: network(v.clamp(0, 1), sigma), sigma=0.1, told=True)
            energy = wanted(classes) + weight * 1e3 * score
            return searched(energy, Pixels(starts(seeds)), solver="pnp_proximal", tolerance=0.0, **options)
        energy = wanted(classes) + weight * priors()[name]
        return searched(energy, Pixels(starts(seeds), bounds=(0, 1)), lr=0.05, views=NARROW, seed=0, **options)

    return make


def decorrelated(
    setting: tuple, *, network: str = "squeezenet1_1", **options
) -> Callable[[list[int], list[int]], torch.Tensor]:
    """Ours: frequencies and colours that do not go together, with views and total variation."""
    lr, weight, views, decay = setting
    laws = {"none": {}, "narrow": {"views": NARROW, "seed": 0}, "wide": {"views": WIDE, "seed": 0}}[views]

    def make(classes: list[int], seeds: list[int]) -> torch.Tensor:
        energy = wanted(classes, network)
        if weight:
            energy = energy + weight * priors()["total variation"]
        return searched(energy, DecorrelatedFourier(starts(seeds), decay=decay), lr=lr, **laws, **options)

    return make


def plain(views: bool, **options) -> Callable[[list[int], list[int]], torch.Tensor]:
    def make(classes: list[int], seeds: list[int]) -> torch.Tensor:
        laws = {"views": NARROW, "seed": 0} if views else {}
        return searched(wanted(classes), Pixels(starts(seeds), bounds=(0, 1)), lr=0.05, **laws, **options)

    return make


def deep(**options) -> Callable[[list[int], list[int]], torch.Tensor]:
    def make(classes: list[int], seeds: list[int]) -> torch.Tensor:
        g = DeepImagePrior((len(classes), 3, SIZE, SIZE), preset="tiny", seed=seeds)
        return searched(wanted(classes), g, lr=0.01, views=NARROW, seed=0, **options)

    return make


def by_recipe(lr: float, *, network: str = "squeezenet1_1", whole: bool = False):
    """The recipe at our size and steps; `whole` as it is by default, 128 x 128, 512 steps, seen at 224."""

    def make(classes: list[int], seeds: list[int]) -> torch.Tensor:
        own = backbones.load(network, "local")
        size, steps, seen = (128, 512, 224) if whole else (SIZE, STEPS, None)
        rows = []
        for seed in sorted(set(seeds)):
            chosen = [c for c, s in zip(classes, seeds, strict=True) if s == seed]
            options = {"size": size, "steps": steps, "seen_at": seen, "lr": lr, "seed": seed}
            rows.append(recipe(own, last_layer(network), chosen, **options))
        return torch.cat(rows)

    return make


def judged(x: torch.Tensor, classes: list[int], *, made_for: str = "squeezenet1_1") -> dict:
    """What the picture's own network and the other one say, and where its total variation stands."""
    other = "googlenet" if made_for == "squeezenet1_1" else "squeezenet1_1"
    own = logits(made_for, x)
    mine, theirs = class_answers(own, classes), class_answers(logits(other, x), classes)
    with torch.no_grad():
        rough = priors()["total variation"](x) / x[0, 0].numel()
    return {
        "logit": own[torch.arange(len(classes)), classes].tolist(),
        "own": mine.log_probability.exp().tolist(),
        "log_probability": theirs.log_probability.tolist(),
        "rank": theirs.rank.tolist(),
        "variation": rough.tolist(),
    }


def diversity(x: torch.Tensor, classes: list[int], *, judge: str = "googlenet") -> float:
    """Over seeds, against photographs, by the other network's last features; the mean over the classes."""
    layer = {"googlenet": "pool5", "squeezenet1_1": "fire9"}[judge]

    def features(x: torch.Tensor) -> torch.Tensor:
        seen = interpolate(x, size=224, mode="bilinear", align_corners=False) if judge == "googlenet" else x
        with torch.no_grad():
            return backbones.load(judge, "local").features(seen, [layer])[layer].mean((2, 3))

    reference = features(images.photographs(PHOTOGRAPHS, size=SIZE))
    found = [
        relative_diversity(features(x[[i for i, own in enumerate(classes) if own == c]]), reference)
        for c in dict.fromkeys(classes)
    ]
    return sum(found) / len(found)


def timed(make, classes: list[int], seeds: list[int]) -> tuple[torch.Tensor, float]:
    """The pictures, and CPU seconds for each."""
    start = time.process_time()
    x = make(classes, seeds)
    return x, (time.process_time() - start) / len(x)


def tuned(key: str) -> tuple[dict, dict]:
    """The mean log-probability under the other network of each setting of one method, on the tuning classes."""
    kind, name = key.split(": ")
    tries = {"ours": lambda: [decorrelated(own) for own in OURS], "recipe": lambda: [by_recipe(lr) for lr in RATES]}
    makes = tries[name]() if name in tries else [on_pixels(name, weight) for weight in BY_PRIOR[name]]
    classes = TUNING if name in tries else TUNING[::2]  # half of them for each prior by itself
    found = [judged(make(classes, [0] * len(classes)), classes)["log_probability"] for make in makes]
    return {"log_probability": [sum(own) / len(own) for own in found]}, {}


def best(name: str, settings: list) -> object:
    """The setting of the highest mean log-probability on the tuning classes."""
    scores = PARTS.get(f"tuning: {name}", tuned)[0]["log_probability"]
    return settings[max(range(len(scores)), key=scores.__getitem__)]


def method(name: str) -> Callable[[list[int], list[int]], torch.Tensor]:
    """One of `NAMES` at the best of its settings."""
    if name in BY_PRIOR:
        return on_pixels(name, best(name, BY_PRIOR[name]))
    if name.startswith("decorrelated"):
        lr, weight, views, decay = best("ours", OURS)
        return decorrelated((lr, weight * ("total" in name), views if "views" in name else "none", decay))
    if name == "lucent's recipe":
        return by_recipe(best("recipe", RATES))
    return deep() if name == "deep image prior" else plain(views="views" in name)


def by_method(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Six classes, five seeds, one method; `x` are the pictures of the first seed, then five seeds of two classes."""
    classes = [c for _ in SEEDS for c in CLASSES]
    seeds = [seed for seed in SEEDS for _ in CLASSES]
    x, seconds = timed(method(key), classes, seeds)
    numbers = judged(x, classes) | {"seconds": seconds, "diversity": diversity(x, classes)}
    rows = x.reshape(len(SEEDS), len(CLASSES), 3, SIZE, SIZE)
    return numbers, {"first": rows[0], "seeds": torch.cat([rows[:, 1], rows[:, 4]])}


def whole_recipe(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The recipe as it is by default, the first three classes, one seed: it takes twenty times as long."""
    classes = list(CLASSES)[:3]
    x, seconds = timed(by_recipe(0.05, whole=True), classes, [0] * len(classes))
    return judged(x, classes) | {"seconds": seconds}, {"first": x}


def by_weight(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Ours by the weight of total variation: six classes, the first seed."""
    lr, _, views, decay = best("ours", OURS)
    found = [decorrelated((lr, w, views, decay))(list(CLASSES), [0] * len(CLASSES)) for w in SLIDER]
    return {"judged": [judged(x, list(CLASSES)) for x in found]}, {"x": torch.stack(found)}


def of_googlenet(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """GoogLeNet's classes, ours and the recipe, judged by SqueezeNet: two classes, five seeds."""
    few = [130, 967]
    classes, seeds = [c for _ in SEEDS for c in few], [seed for seed in SEEDS for _ in few]
    numbers, shown = {}, {}
    for name, make in {
        "ours": decorrelated(best("ours", OURS), network="googlenet"),
        "lucent's recipe": by_recipe(best("recipe", RATES), network="googlenet"),
    }.items():
        x, seconds = timed(make, classes, seeds)
        variety = diversity(x, classes, judge="squeezenet1_1")
        numbers[name] = judged(x, classes, made_for="googlenet") | {"seconds": seconds, "diversity": variety}
        shown[name.split()[-1]] = x[: len(few)]
    return numbers, shown


def adversarial(key: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The nearest picture of another class: five photographs, two target classes each, weights in a batch."""
    names = PHOTOGRAPHS[:5]
    x0 = images.photographs(names, size=SIZE)
    phi = backbones.load("squeezenet1_1", "local").at("conv10")
    shape = phi.network.shapes("conv10", (SIZE, SIZE))["conv10"]
    before, theirs = logits("squeezenet1_1", x0).argmax(1), logits("googlenet", x0).argmax(1)
    rows, shown = [], []
    for place, name in enumerate(names):
        for target in list(CLASSES)[1:3]:
            if int(before[place]) == target:
                continue
            count = len(HARD)
            start = x0[place : place + 1].expand(count, -1, -1, -1)
            d = unit_direction(shape, [target], position="mean") - unit_direction(
                shape, [int(before[place])], position="mean"
            )
            change = start.clone()
            energy = Activation(phi, d, scale=1.0) + torch.tensor(HARD) * _Near(change)
            x = searched(energy, Pixels(start, bounds=(0, 1)), lr=0.003, steps=60)
            answers = logits("squeezenet1_1", x).argmax(1)
            flipped = [i for i in range(count) if int(answers[i]) == target]
            if not flipped:
                rows.append({"picture": name, "target": target, "rms": None})
                continue
            first = flipped[0]
            found, step = x[first : first + 1], x[first : first + 1] - x0[place]
            draw = torch.Generator().manual_seed(place)
            noise = torch.randn(step.shape, generator=draw)
            noisy = (x0[place] + noise * step.norm() / noise.norm()).clamp(0, 1)
            rows.append(
                {
                    "picture": name,
                    "target": target,
                    "rms": float(step.square().mean().sqrt()),
                    "own_keeps_with_noise": bool(logits("squeezenet1_1", noisy).argmax() == before[place]),
                    "other_keeps": bool(logits("googlenet", found).argmax() == theirs[place]),
                    "other_rank": int(class_answers(logits("googlenet", found), [target]).rank),
                }
            )
            if name == "coffee" and target == 130:
                shown = [x0[place], found[0]]
    return {"rows": rows}, {"pair": torch.stack(shown) if shown else x0[:2]}


class _Near(Energy):
    """1/2 ||x - x0||^2."""

    name = "distance"

    def __init__(self, x0: torch.Tensor) -> None:
        self.x0 = x0

    def value(self, x: torch.Tensor) -> torch.Tensor:
        return (x - self.x0).square().flatten(1).sum(1) / 2


def natural(key: str) -> tuple[dict, dict]:
    """What both networks say of photographs, for scale: how sure they are of their own first class, and roughness."""
    x = images.photographs(PHOTOGRAPHS, size=SIZE)
    numbers = {}
    for network in ("squeezenet1_1", "googlenet"):
        own = logits(network, x)
        numbers[network] = {
            "logit": own.amax(1).tolist(),
            "class": own.argmax(1).tolist(),
            "log_probability": own.log_softmax(1).amax(1).tolist(),
        }
    with torch.no_grad():
        numbers["variation"] = (priors()["total variation"](x) / PIXELS).tolist()
    return numbers, {}


NAMES = [
    "pixels",
    "decorrelated, views, total variation",
    "lucent's recipe",
    "pixels and views",
    "decorrelated",
    "decorrelated and views",
    *BY_PRIOR,
    "deep image prior",
]


def main() -> None:
    """Make what is missing and write the record with its pictures."""
    parts = PARTS.all(NAMES, by_method)
    extra = {
        "natural": PARTS.get("natural", natural),
        "weights": PARTS.get("weights", by_weight),
        "googlenet": PARTS.get("googlenet", of_googlenet),
        "adversarial": PARTS.get("adversarial", adversarial),
        "lucent's defaults": PARTS.get("whole recipe", whole_recipe),
    }
    names = ["ours", "recipe", *BY_PRIOR]
    scores = {name: PARTS.get(f"tuning: {name}", tuned)[0]["log_probability"] for name in names}
    shown = {f"{i:02d}": own["first"] for i, (_, own) in enumerate(parts.values())}
    ours = parts["decorrelated, views, total variation"][1]
    shown |= {"seeds": ours["seeds"], "defaults": extra["lucent's defaults"][1]["first"]}
    shown |= {f"weight-{place}": x for place, x in enumerate(extra["weights"][1]["x"])}
    shown |= {f"googlenet-{name}": x for name, x in extra["googlenet"][1].items()}
    shown["adversarial"] = extra["adversarial"][1]["pair"]
    save_record(
        "class_pictures",
        rounded(
            {
                **SETTINGS,
                "methods": {name: numbers for name, (numbers, _) in parts.items()},
                "tuned": scores,
                **{name: numbers for name, (numbers, _) in extra.items()},
            }
        ),
        command="make records NAME=class_pictures",
        data="SqueezeNet 1.1 and GoogLeNet by Caffe (local weights); photographs of scikit-image and scikit-learn",
        licence="weights BSD and unrestricted as stated; pictures are synthetic, one is of a CC0 photograph",
        seeds=SEEDS,
        metric="; ".join(
            f"{name}: other network's log-probability {sum(own['log_probability']) / len(own['log_probability']):.2f}"
            for name, (own, _) in parts.items()
        ),
        pictures={f"{name}.webp": small_strip(x, quality=30) for name, x in shown.items()},
    )
