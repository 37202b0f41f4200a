"""What feature maps look like: nearness to Toeplitz against the number of photographs, marginals, dependence, spread.

VGG16 (to relu3_3), SqueezeNet, GoogLeNet and the small VGG16 on the 200 different photographs of BSDS's training set
(local tier, DEEPRESTORE_DATA). Intervals are from resampling photographs. The spread of priors on maps is that of
`scripts.making.map_spread`.
"""

from __future__ import annotations

import math

import torch

from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.measures.feature_statistics import (
    CENTRINGS,
    FAMILIES,
    RECTIFIED,
    bootstrap_counts,
    bootstrap_interval,
    effective_rank,
    energy_correlation,
    fit_marginal,
    fit_rectified,
    hoyer_sparsity,
    photograph_covariances,
    spatial_covariance,
    toeplitz_distance,
    toeplitz_floor,
    toeplitz_report,
    zero_share,
)
from scripts.making.feature_maps import network, padded_maps, window_maps
from scripts.making.map_spread import SPREAD_SETTINGS, SPREADS, spread
from scripts.making.resumable import Parts, rounded

COUNTS, SUBSETS, DRAWS, SEED = [10, 25, 50, 100, 200], 6, 100, 0
MAPS = {  # network/layer: side of the picture, crops of each photograph
    "vgg16/relu1_2": (14, 4),
    "vgg16/relu2_2": (28, 4),
    "vgg16/relu3_3": (56, 2),
    "squeezenet1_1/relu1": (28, 4),
    "squeezenet1_1/fire3": (56, 4),
    "squeezenet1_1/fire5": (112, 1),
    "squeezenet1_1/fire9": (224, 1),
    "googlenet/relu2": (56, 4),
    "googlenet/inception_3b": (112, 1),
    "googlenet/inception_4e": (224, 1),
    "googlenet/inception_5b": (224, 1),
    "vgg_mini/relu1_2": (14, 4),
    "vgg_mini/relu2_2": (28, 4),
    "vgg_mini/relu3_3": (56, 4),
    "vgg_mini/pool3": (56, 4),
    "vgg_mini/mini4_3": (112, 1),
    "vgg_mini/pool5": (224, 1),
}
WINDOWS = ["vgg16/relu1_2", "vgg16/relu2_2", "vgg16/relu3_3", "vgg_mini/relu2_2", "vgg_mini/relu3_3"]
WINDOW = 14
INVERTED, FEW = ["squeezenet1_1/relu1", "vgg16/relu3_3", "googlenet/inception_5b", "vgg_mini/pool5"], [50, 100, 200]
BEFORE = {  # layers before their ReLU, and the side of the picture
    "vgg16/conv1_1": 64,
    "vgg16/conv1_2": 64,
    "vgg16/conv2_2": 64,
    "vgg16/conv3_3": 112,
    "squeezenet1_1/conv1": 64,
    "googlenet/conv1": 112,
    "googlenet/conv2": 112,
    "vgg_mini/conv1_1": 64,
    "vgg_mini/conv1_2": 64,
    "vgg_mini/conv2_2": 64,
    "vgg_mini/conv3_3": 112,
    "vgg_mini/mini4_1_conv": 112,
    "vgg_mini/mini4_3_conv": 112,
    "vgg_mini/mini5_1_conv": 224,
    "vgg_mini/mini5_3_conv": 224,
}
PLACES, MOST, HALF = 16, 64, 100  # positions of each map and channels that values are taken of; photographs to fit on
SETTINGS = {
    "counts": COUNTS,
    "subsets": SUBSETS,
    "draws": DRAWS,
    "crops": {name: list(own) for name, own in MAPS.items()},
    "windowed": WINDOWS,
    "before": BEFORE,
    "values": [PLACES, MOST, HALF],
}
PARTS = Parts("feature_covariance", SETTINGS)
MARGINAL_PARTS = Parts("feature_marginals", {key: SETTINGS[key] for key in ("before", "values")})
INVERSE_PARTS = Parts("feature_inverses", SETTINGS | {"inverted": INVERTED, "few": FEW})
SPREAD_PARTS = Parts("feature_spread", SPREAD_SETTINGS)


def distances(f: torch.Tensor, centring: str = "position") -> list[float]:
    """All and inside of a border of one."""
    covariance = spatial_covariance(f, centring=centring)
    return [toeplitz_distance(covariance, f.shape[2:], border=border) for border in (0, 1)]


def interval(f: torch.Tensor, groups: torch.Tensor, estimate: list[float]) -> dict:
    """From resampled photographs, all and inside; and for all, what resampled crops would say. Scales are kept."""
    values = resampled(f, groups)
    found = {
        "all": list(bootstrap_interval(values[:, 0], estimate=estimate[0])),
        "inside": list(bootstrap_interval(values[:, 1], estimate=estimate[1])),
        "as resampled": [float(v) for v in (values[:, 0].min(), values[:, 0].mean())],
    }
    if len(groups) > int(groups.max()) + 1:
        single = resampled(f, torch.arange(len(groups)))[:, 0]
        found["crops"] = list(bootstrap_interval(single, estimate=estimate[0]))
    return found


def resampled(f: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Distances of resampled groups, all and inside, `(draws, 2)`."""
    matrices = photograph_covariances(f, groups=groups)
    counts = bootstrap_counts(torch.arange(len(matrices)), draws=DRAWS, seed=SEED).double()
    means = (counts @ matrices.flatten(1)).view(DRAWS, *matrices.shape[1:]) / len(matrices)
    return torch.tensor([[toeplitz_distance(m, f.shape[2:], border=border) for border in (0, 1)] for m in means])


def against_number(f: torch.Tensor, groups: torch.Tensor) -> dict:
    """Mean distance of sets of photographs against their number, its limit, and an interval at all of them."""
    generator, curve = torch.Generator().manual_seed(SEED), {"all": [], "inside": []}
    total = int(groups.max()) + 1
    for count in COUNTS:
        found = []
        for _ in range(1 if count == total else SUBSETS):
            chosen = torch.randperm(total, generator=generator)[:count]
            found.append(distances(f[torch.isin(groups, chosen)]))
        for name, values in zip(curve, zip(*found, strict=True), strict=True):
            curve[name].append(sum(values) / len(values))
    floor = {name: toeplitz_floor(f, groups=groups, border=border) for border, name in enumerate(("all", "inside"))}
    return {"curve": curve, "floor": floor, "interval": interval(f, groups, [curve["all"][-1], curve["inside"][-1]])}


def reported(f: torch.Tensor, centring: str = "position") -> dict | None:
    """All distances as a dict, NaN as None; None where the covariance has no inverse."""
    try:
        report = toeplitz_report(spatial_covariance(f, centring=centring), f.shape[2:])
    except ValueError:
        return None
    return {name: value if math.isfinite(value) else None for name, value in report._asdict().items()}


def inverse_part(key: str) -> tuple[dict, dict]:
    """The distance of the inverse, all and inside, against the number of photographs: noise or structure."""
    name, layer = key.split("/")
    side, each = MAPS[key]
    f, groups = padded_maps(name, layer, side, each=each, seed=SEED)
    generator, found = torch.Generator().manual_seed(SEED), {"inverse": [], "inverse_inside": []}
    for count in FEW:
        reports = []
        for _ in range(1 if count == COUNTS[-1] else 3):
            chosen = torch.randperm(COUNTS[-1], generator=generator)[:count]
            reports.append(reported(f[torch.isin(groups, chosen)]))
        for own, values in found.items():
            values.append(sum(report[own] for report in reports) / len(reports))
    return found, {}


def covariance_part(key: str) -> tuple[dict, dict]:
    """ "window NETWORK/LAYER" or "NETWORK/LAYER"."""
    name, layer = key.removeprefix("window ").split("/")
    if key.startswith("window "):
        f, groups = window_maps(name, layer, WINDOW, each=4, seed=SEED)
    else:
        side, each = MAPS[key]
        f, groups = padded_maps(name, layer, side, each=each, seed=SEED)
    numbers = against_number(f, groups) | {"shape": list(f.shape[1:]), "report": reported(f)}
    centrings = {centring: distances(f, centring=centring) for centring in CENTRINGS}
    numbers |= {"centring": centrings, "variance": spread_of_variance(f), "structure": structure(f[..., ::2, ::2])}
    return numbers, {}


def spread_of_variance(f: torch.Tensor) -> dict:
    """Mean variance of a position at corners, edges and inside, over the mean of all."""
    diagonal = spatial_covariance(f).diagonal().reshape(f.shape[2:])
    edge = torch.cat([diagonal[0, 1:-1], diagonal[-1, 1:-1], diagonal[1:-1, 0], diagonal[1:-1, -1]])
    return {
        "corner": float(diagonal[[0, 0, -1, -1], [0, -1, 0, -1]].mean()),
        "edge": float(edge.mean()),
        "inside": float(diagonal[1:-1, 1:-1].mean()),
    }


def structure(f: torch.Tensor) -> dict:
    """Sparsity, ranks of the channels' second moments, and correlations of squares beyond those of values."""
    rows = f.double().transpose(0, 1).flatten(1)
    kept = rows.var(1) > 1e-12 * rows.var(1).max()
    rows, f = rows[kept], f[:, kept]
    gram, covariance = rows @ rows.mT / rows.shape[1], rows.cov(correction=0)
    plain, squares = energy_correlation(f)
    off = ~torch.eye(len(plain), dtype=torch.bool)
    beside = torch.diagonal(plain, 1), torch.diagonal(squares, 1)
    return {
        "channels": int(kept.sum()),
        "zeros": zero_share(f),
        "hoyer": float(hoyer_sparsity(f).nanmean()),
        "rank_gram": effective_rank(torch.linalg.eigvalsh(gram)),
        "rank_covariance": effective_rank(torch.linalg.eigvalsh(covariance)),
        "squared_correlation": float(plain[off].square().mean()),
        "correlation_of_squares": float(squares[off].mean()),
        "beside": [float(beside[0].square().mean()), float(beside[1].mean())],
    }


def values_of(name: str, layer: str, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Values before the ReLU at random positions inside, `(200, channels, positions)`, and over their own contrast.

    The latter are less the mean of their map and over its deviation, both over all of its positions.
    """
    f, _ = padded_maps(name, layer, side, each=1, seed=SEED)
    f = f[:, :: max(1, f.shape[1] // MOST)][:, :MOST, 1:-1, 1:-1].flatten(2)
    generator = torch.Generator().manual_seed(SEED)
    place = torch.rand(f.shape[0], f.shape[2], generator=generator).argsort(1)[:, :PLACES]
    place = place[:, None].expand(-1, f.shape[1], -1)
    own = (f - f.mean(2, keepdim=True)) / f.std(2, keepdim=True).clamp_min(1e-6)
    return f.gather(2, place), own.gather(2, place)


def per_photograph(log_density: torch.Tensor, count: int) -> torch.Tensor:
    """Mean log density of each photograph `(count,)`, of values `(C, count * positions)`."""
    return log_density.mean(0).view(count, -1).mean(1)


def scores(each: dict[str, torch.Tensor], base: str) -> dict:
    """Mean held-out nats a value of each family, and its lead over `base` with an interval over photographs."""
    counts = bootstrap_counts(torch.arange(len(each[base])), draws=400, seed=SEED)
    found = {}
    for name, own in each.items():
        lead = own - each[base]
        draws = counts @ lead.float() / counts.sum(1)
        found[name] = [float(own.mean()), float(lead.mean()), *bootstrap_interval(draws)]
    return found


def marginal_part(key: str) -> tuple[dict, dict]:
    """Families before and after the ReLU, fitted to 100 photographs and scored on 100 others."""
    name, layer = key.split("/")
    values, level = values_of(name, layer, BEFORE[key])
    fitted, held = (part.transpose(0, 1).flatten(1).double() for part in values.split(HALF))
    scale = fitted.std(1, keepdim=True)
    alive = (fitted > 0).double().mean(1).gt(0.01) & (held > 0).any(1)
    fitted, held = (fitted / scale)[alive], (held / scale)[alive]
    before = {
        family: per_photograph(own.log_density(fit_marginal(family, fitted), held), HALF)
        for family, own in FAMILIES.items()
    }
    theta = fit_marginal("student", fitted)
    after = {
        family: per_photograph(fit_rectified(family, fitted.clamp_min(0)).log_density(held.clamp_min(0)), HALF)
        for family in RECTIFIED
    }
    even, odd = (part.transpose(0, 1).flatten(1).double() for part in level[:, alive].split(HALF))
    level = {
        family: per_photograph(FAMILIES[family].log_density(fit_marginal(family, even), odd), HALF)
        for family in ("gauss", "student")
    }
    centred = fitted - fitted.mean(1, keepdim=True)
    return {
        "channels": int(alive.sum()),
        "left_out": int((~alive).sum()),
        "before": scores(before, "gauss"),
        "after": scores(after, "exponential"),
        "own_contrast": scores(level, "gauss")["student"][1:],
        "zeros": float((held <= 0).double().mean()),
        "freedom": [float(q) for q in theta[:, 2].exp().quantile(torch.tensor([0.25, 0.5, 0.75]).double())],
        "kurtosis": float((centred**4).mean(1).div(centred.square().mean(1) ** 2).median()),
    }, {}


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    windows = [f"window {name}" for name in WINDOWS]
    marginals = MARGINAL_PARTS.all(list(BEFORE), marginal_part)
    covariances = PARTS.all([*MAPS, *windows], covariance_part)
    inverses = INVERSE_PARTS.all(INVERTED, inverse_part)
    spreads = SPREAD_PARTS.all(list(SPREADS), spread)
    numbers = {key: part[0] for key, part in covariances.items()}
    own = numbers["vgg_mini/pool5"]
    save_record(
        "feature_statistics",
        rounded(
            {
                **SETTINGS,
                "photographs": COUNTS[-1],
                "maps": {key: numbers[key] for key in MAPS},
                "windows": {key: numbers[f"window {key}"] for key in WINDOWS},
                "few": FEW,
                "inverses": {key: part[0] for key, part in inverses.items()},
                "marginals": {key: part[0] for key, part in marginals.items()},
                "spread": {key: part[0] for key, part in spreads.items()},
                "weights": {name: network(name).weights for name in sorted({key.split("/")[0] for key in MAPS})},
            }
        ),
        command="make records NAME=feature_statistics",
        data="the 200 training photographs of BSDS500 (local tier), all of them different",
        licence="non-commercial research and education; what is shipped are statistics",
        seeds=[SEED],
        metric=f"distance to Toeplitz of vgg_mini pool5: {own['curve']['all'][0]:.2f} of 10 photographs, "
        f"{own['curve']['all'][-1]:.2f} of 200, {own['floor']['all']:.2f} of infinitely many",
    )
