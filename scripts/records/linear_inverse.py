"""Record `linear_inverse`: what one transposed convolution can reach when it inverts layers of real networks.

Three tables. `layers`: the linear part of a layer, its input taken for a stationary Gaussian field whose spectrum is
the mean periodogram of crops of real maps (150 photographs of BSDS; 50 others to judge), with noise on the output. The
best k x k kernel and the one of full support, exactly, in the share of the input's variance that is left. `measured`:
the same kernels by least squares on the maps themselves, without noise, from the output after the ReLU (of the small
network before it too), with a constant. `orthant`: small layers with a ReLU, where the posterior mean is sampled.
"""

from __future__ import annotations

import torch

from deeprestore_lab import backbones, data
from deeprestore_lab.core.artifacts import save_record
from deeprestore_lab.operators import ConvolutionLayer, as_matrix
from deeprestore_lab.operators.linear_inverse import (
    best_ring_kernel,
    circular_inverse,
    dense_inverse,
    expected_errors,
    exponential_covariance,
    layer_symbol,
    mean_spectrum,
    rectified_inverse,
    ring_error,
)
from scripts.making.resumable import Parts, rounded

LAYERS = {  # layer: what it is applied to ("" is the picture), sides of K
    "vgg_mini/conv1_1": ("", (1, 3, 5, 7, 9)),
    "vgg_mini/conv1_2": ("relu1_1", (1, 3, 5, 7, 9)),
    "vgg_mini/conv2_1": ("pool1", (1, 3, 5, 7, 9)),
    "vgg16/conv1_1": ("", (1, 3, 5, 7)),
    "vgg16/conv1_2": ("relu1_1", (1, 3, 5, 7)),
    "vgg16/conv2_1": ("pool1", (1, 3, 5)),
    "squeezenet1_1/conv1": ("", (3, 5, 7, 9)),
    "googlenet/conv1": ("", (3, 5, 7, 9, 11)),
}
MEASURED = {  # sides of K
    "vgg_mini/conv1_1": (1, 3, 5),
    "vgg_mini/conv1_2": (1, 3, 5),
    "vgg_mini/conv2_1": (1, 3, 5),
    "vgg16/conv1_1": (1, 3, 5),
    "vgg16/conv1_2": (1, 3, 5),
    "vgg16/conv2_1": (1, 3),
}
RECTIFIED = {"rectified": torch.float32}
SETTINGS = {
    "photographs": [150, 50],
    "picture": 176,
    "crop": 32,
    "ratios": [1e2, 1e4, 1e6],  # variance of W f over that of the noise
    "places": 200,  # of each photograph, where least squares is fitted
    "orthant": {"side": 6, "channels": [1, 2, 4], "means": [0.0, 1.0, 2.0], "seeds": [0, 1, 2], "weight": 100.0},
}
PARTS = Parts("linear_inverse", SETTINGS)


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Square middles of photographs, to fit and to judge, `(N, 3, 176, 176)`."""
    side, first = SETTINGS["picture"], SETTINGS["photographs"][0]
    found = []
    for x in data.bsds_training(shrink=1).values():
        top, left = ((n - side) // 2 for n in x.shape[-2:])
        found.append(x[..., top : top + side, left : left + side])
    found = torch.cat(found)
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(0))
    return found[order[:first]], found[order[first:]]


def layer_parts(key: str) -> tuple:
    """The network, the kernels of the layer with the colours' deviations in them, its bias, stride and padding."""
    network, name = key.split("/")
    before = LAYERS[key][0]
    phi = backbones.load(network, layers=[name])
    module = dict(phi.module.named_children())[name]
    own = next(part for part in module.modules() if isinstance(part, torch.nn.Conv2d))
    kernels, bias = own.weight.detach(), own.bias.detach()
    if not before:
        mean, deviation = (torch.as_tensor(part).reshape(3) for part in phi.colour)
        bias = bias - (kernels.sum((2, 3)) @ (mean / deviation).to(kernels))
        kernels = kernels / deviation.to(kernels).reshape(1, 3, 1, 1)
    return phi, before, kernels.double(), bias.double(), own.stride, own.padding


@torch.no_grad()
def maps(phi, before: str, x: torch.Tensor) -> torch.Tensor:
    """What the layer is applied to."""
    return x if not before else torch.cat([phi.features(part, [before])[before] for part in x.split(10)])


def crops(x: torch.Tensor) -> torch.Tensor:
    """Four crops of each map, from the corners of what lies 8 values away from the border."""
    side = SETTINGS["crop"]
    places = (8, x.shape[-1] - 8 - side)
    return torch.cat([x[..., i : i + side, j : j + side] for i in places for j in places])


def linear_part(key: str) -> tuple[dict, dict]:
    """Shares of variance left, for each ratio and side."""
    phi, before, kernels, _, stride, padding = layer_parts(key)
    spectra = [mean_spectrum(crops(maps(phi, before, x))) for x in pictures()]
    size = (SETTINGS["crop"],) * 2
    layer = ConvolutionLayer(kernels, size=size, stride=stride, padding=padding, border="circular")
    variances = [float(s.diagonal(dim1=0, dim2=1).real.mean()) for s in spectra]
    numbers = {"channels": [kernels.shape[1], kernels.shape[0]], "variance": variances[1], "shares": {}}
    for ratio in SETTINGS["ratios"]:
        weight = ratio / output_variance(layer, spectra[0])
        own = {}
        for side in LAYERS[key][1]:
            found = best_ring_kernel(layer, spectra[0], weight=weight, side=side)
            own[str(side)] = ring_error(found, layer, spectra[1], weight=weight) / variances[1]
        full = circular_inverse(kernels, spectra[0], weight=weight, stride=stride, padding=padding)
        own["full"] = ring_error(full, layer, spectra[1], weight=weight) / variances[1]
        best = circular_inverse(kernels, spectra[1], weight=weight, stride=stride, padding=padding)
        own["bound"] = float(best.error.mean()) / variances[1]
        numbers["shares"][f"{ratio:g}"] = own
    return numbers, {}


def output_variance(layer: ConvolutionLayer, spectrum: torch.Tensor) -> float:
    """The mean variance of a value of W f."""
    w = layer_symbol(layer.kernels, layer.size, padding=layer.padding).permute(2, 3, 0, 1)
    s = spectrum.permute(2, 3, 0, 1)
    return float((w @ s @ w.mH).diagonal(dim1=-2, dim2=-1).real.mean())


def windows(y: torch.Tensor, side: int, places: torch.Tensor) -> torch.Tensor:
    """The windows of maps `(N, C', H, W)` around these inner places, with a constant, `(N places, C' side^2 + 1)`."""
    reach = torch.arange(side) - side // 2
    row, column = (places // y.shape[-1])[:, None, None] + reach[:, None], (places % y.shape[-1])[:, None, None] + reach
    seen = y[:, :, row, column].transpose(1, 2).flatten(2).flatten(0, 1)
    return torch.cat([seen, torch.ones_like(seen[:, :1])], 1)


def measured(key: str) -> tuple[dict, dict]:
    """Shares left by least squares on the maps, after the ReLU and, for the small network, before it.

    Before it the windows of wide layers have fewer dimensions than numbers, and the normal equations need float64;
    for VGG16 these numbers are left to `layers`.
    """
    phi, before, kernels, bias, _, padding = layer_parts(key)
    kinds = {"linear": torch.float64, "rectified": torch.float32} if key.startswith("vgg_mini") else RECTIFIED
    cases = [(kind, side) for kind in kinds for side in MEASURED[key]]
    fit, judge = ([maps(phi, before, part) for part in x.split(5)] for x in pictures())
    n = fit[0].shape[-1]
    inner = torch.arange(n * n).reshape(n, n)[8:-8, 8:-8].flatten()
    places = inner[torch.randperm(len(inner), generator=torch.Generator().manual_seed(1))[: SETTINGS["places"]]]

    def each(batches):
        """For each batch and case the windows and the values in their middle."""
        for x in batches:
            y = (
                torch.nn.functional.conv2d(x.double(), kernels, bias, padding=padding)
                if "linear" in kinds
                else (torch.nn.functional.conv2d(x, kernels.float(), bias.float(), padding=padding))
            )
            target = x.flatten(2)[:, :, places].transpose(1, 2).flatten(0, 1)
            for case in cases:
                seen = windows(y.relu() if case[0] == "rectified" else y, case[1], places)
                yield case, seen.to(kinds[case[0]]), target.to(kinds[case[0]])

    sizes = {case: len(kernels) * case[1] ** 2 + 1 for case in cases}
    normal = {case: torch.zeros(count, count).double() for case, count in sizes.items()}
    right = {case: torch.zeros(count, kernels.shape[1]).double() for case, count in sizes.items()}
    for case, seen, target in each(fit):
        normal[case] += (seen.T @ seen).double()
        right[case] += (seen.T @ target).double()
    solved = {}
    for case, own in normal.items():
        ridge = 1e-7 if kinds[case[0]] == torch.float32 else 1e-12
        own += ridge * own.diagonal().mean() * torch.eye(len(own))
        solved[case] = torch.linalg.solve(own, right[case])
    mean = torch.cat(fit).mean((0, 2, 3))
    left, whole = dict.fromkeys(cases, 0.0), dict.fromkeys(cases, 0.0)
    for case, seen, target in each(judge):
        left[case] += float((seen.double() @ solved[case] - target).square().sum())
        whole[case] += float((target - mean).square().sum())
    numbers = {kind: {} for kind in kinds}
    for kind, side in cases:
        numbers[kind][str(side)] = left[kind, side] / whole[kind, side]
    return numbers, {}


def orthant(key: str) -> tuple[dict, dict]:
    """Errors of the posterior mean, the best affine, the best linear and the linear inverse that knows u."""
    channels, mean, seed = (float(part) for part in key.split()[1:])
    own, channels, seed = SETTINGS["orthant"], int(channels), int(seed)
    side, draw = own["side"], torch.Generator().manual_seed(1000 + seed)
    kernels = torch.randn(channels, 1, 3, 3, generator=draw, dtype=torch.float64) / 3
    layer = ConvolutionLayer(kernels, size=(side, side))
    matrix, covariance = as_matrix(layer, layer.in_shape), exponential_covariance((side, side), length=3.0)
    root, centre = torch.linalg.cholesky(covariance), torch.full((side**2,), mean, dtype=torch.float64)

    def drawn(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        f = centre + torch.randn(count, side**2, generator=draw, dtype=torch.float64) @ root.mT
        noise = torch.randn(count, len(matrix), generator=draw, dtype=torch.float64) / own["weight"] ** 0.5
        return f, (f @ matrix.mT + noise).clamp_min(0)

    f, seen = drawn(60_000)
    ones = torch.ones(len(f), 1).double()
    linear = torch.linalg.lstsq(seen, f).solution
    affine = torch.linalg.lstsq(torch.cat([seen, ones], 1), f).solution
    f, seen = drawn(400)
    posterior = rectified_inverse(seen, matrix, covariance, weight=own["weight"], mean=centre, sweeps=400, seed=seed)
    ones = torch.ones(len(f), 1).double()
    known = expected_errors(
        dense_inverse(matrix, covariance, weight=own["weight"]), matrix, covariance, weight=own["weight"]
    )
    found = {"posterior": posterior, "affine": torch.cat([seen, ones], 1) @ affine, "linear": seen @ linear}
    errors = {name: float((estimate - f).square().mean()) for name, estimate in found.items()}
    return {**errors, "before": float(known.mean()), "hidden": float((seen == 0).double().mean())}, {}


def run(key: str) -> tuple[dict, dict]:
    kind, rest = key.split(" ", 1)
    return {"layer": linear_part, "measured": measured}[kind](rest) if kind != "orthant" else orthant(key)


def main() -> None:
    """Make what is missing and write the record."""
    torch.set_num_threads(1)
    own = SETTINGS["orthant"]
    keys = [f"layer {key}" for key in LAYERS] + [f"measured {key}" for key in MEASURED]
    keys += [f"orthant {c} {m} {s}" for c in own["channels"] for m in own["means"] for s in own["seeds"]]
    parts = {key: part[0] for key, part in PARTS.all(keys, run).items()}
    save_record(
        "linear_inverse",
        rounded(
            {
                **SETTINGS,
                "layers": {key: parts[f"layer {key}"] for key in LAYERS},
                "measured": {key: parts[f"measured {key}"] for key in MEASURED},
                "small": {
                    f"{c} {m}": [parts[f"orthant {c} {m} {s}"] for s in own["seeds"]]
                    for c in own["channels"]
                    for m in own["means"]
                },
            }
        ),
        command="DEEPRESTORE_DATA=../shared/data make records NAME=linear_inverse",
        data="BSDS500's training pictures (150 to fit, 50 to judge); VGG16, SqueezeNet and GoogLeNet from the local "
        "folder; the embedded vgg_mini",
        licence="numbers only; BSDS is for non-commercial research and education",
        seeds=own["seeds"],
        metric="share of variance left by 3 x 3 after the ReLU: "
        + ", ".join(f"{key} {parts[f'measured {key}']['rectified']['3']:.2g}" for key in MEASURED),
    )


if __name__ == "__main__":
    main()
