"""Make every number and picture of the report: `python main.py`.

Steps that are still open say so, and their pictures are stand-ins. So this
runs from the first minute, and `report.typ` can be set at any time.
"""

import json
from pathlib import Path

import torch

from deeprestore_lab.measures.metrics import psnr

import codes
import more
import pictures
import posterior
from autoencoder import AutoEncoder, naive_loss
from data import Digits, load
from training import trained
from uniform import mended_loss

HERE = Path(__file__).parent
LATENT = 10  # d: 8 to 12
STEPS = {"mnist": 3000, "subset": 600}
DIGITS, STARTS = 64, 6  # to restore, and codes to start from


def train(kind: str, loss, data: Digits) -> AutoEncoder:
    """A model from its file of weights, or trained."""
    path = HERE / f"{kind}-{data.name}.safetensors"
    model = AutoEncoder(latent=LATENT)
    return trained(path, model, data.train, loss, steps=STEPS[data.name])


def step_1(data: Digits, models: dict, results: dict) -> None:
    """Train the auto-encoder, naively."""
    model = train("naive", naive_loss, data)
    x = data.test[:12]
    pictures.rows("reconstructions.png", {"digit": x, "D(E(digit))": model(x)})
    models["naive"] = model


def step_2(data: Digits, models: dict, results: dict) -> None:
    """Show 300 codes in coordinate planes."""
    model = needed(models, "naive")
    codes.scatter(model.encode(data.test[:300]), "codes_naive.png")


def step_3(data: Digits, models: dict, results: dict) -> None:
    """Show and measure the failure."""
    look(needed(models, "naive"), "naive", data, results)


def step_4(data: Digits, models: dict, results: dict) -> None:
    """Mend it: the same pictures and numbers for the other model."""
    needed(models, "naive")
    model = models["mended"] = train("mended", mended_loss, data)
    codes.scatter(model.encode(data.test[:300]), "codes_mended.png")
    look(model, "mended", data, results)


def step_5(data: Digits, models: dict, results: dict) -> None:
    """Denoise and inpaint with both models, with more noise and with less."""
    x = data.test[:DIGITS]
    known = torch.ones(1, 1, 28, 28)
    lower = known.clone()
    lower[:, :, 14:] = 0  # a zero-one mask: the lower half is missing
    for task, mask, sigma in (
        ("denoising", known, 0.4),
        ("denoising_small", known, 0.1),
        ("inpainting", lower, 0.1),
        ("inpainting_exact", lower, 0.0),  # no noise at all
    ):
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(x.shape, generator=generator)
        y = mask * (x + sigma * noise)
        starts = torch.rand(STARTS, len(x), LATENT, generator=generator)
        shown = {"true": x, "given": y}
        results["given"][task] = psnr(y, x).tolist()
        values = results["restoration"].setdefault(task, {})
        for kind in ("naive", "mended"):
            model = needed(models, kind)
            given = {"mask": mask, "sigma": sigma, "model": model}
            found = {
                "image": posterior.restore_image(y, **given),
                "one start": posterior.restore_latent(
                    y, **given, starts=starts[:1]
                ),
                "six starts": posterior.restore_latent(
                    y, **given, starts=starts
                ),
            }
            values[kind] = {
                way: psnr(each, x).tolist() for way, each in found.items()
            }
            shown |= {f"{kind}, {way}": each for way, each in found.items()}
        pictures.rows(
            f"{task}.png", {label: each[:12] for label, each in shown.items()}
        )


def look(model: AutoEncoder, kind: str, data: Digits, results: dict) -> None:
    """A picture of decoded random points, and the measures."""
    generator = torch.Generator().manual_seed(1)
    samples = model.decode(torch.rand(48, LATENT, generator=generator))
    pictures.rows(
        f"samples_{kind}.png",
        {" " * row: samples[12 * row : 12 * row + 12] for row in range(4)},
    )
    results["measures"][kind] = codes.measures(model, data)


def needed(models: dict, kind: str) -> AutoEncoder:
    """A model of an earlier step."""
    if kind not in models:
        raise NotImplementedError(f"the {kind} model is not there yet")
    return models[kind]


def main() -> None:
    """Run the steps in order; write `pictures/` and `results.json`."""
    data = load()
    models: dict[str, AutoEncoder] = {}
    results = {"data": data.words, "latent": LATENT, "open": []}
    results |= {"measures": {}, "given": {}, "restoration": {}}
    pictures.forget()
    for number, step in enumerate((step_1, step_2, step_3, step_4, step_5), 1):
        try:
            step(data, models, results)
            print(f"step {number}: {step.__doc__}")
        except NotImplementedError as error:
            print(f"step {number} is open: {error}")
            results["open"].append(f"step {number}: {error}")
        write(results)  # a later step that fails loses nothing
    results["more"] = more.numbers(data, models)
    write(results)
    for name in pictures.fill():
        print(f"not made yet: pictures/{name}")


def write(results: dict) -> None:
    """Write `results.json`."""
    text = json.dumps(results, indent=1, allow_nan=False)
    (HERE / "results.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
