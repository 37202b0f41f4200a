"""Pictures of digits, and those that wait for their step (given)."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # pictures go to files

import matplotlib.pyplot as plt
import torch

FOLDER = Path(__file__).parent / "pictures"
NAMES = (
    "reconstructions.png",
    "codes_naive.png",
    "samples_naive.png",
    "codes_mended.png",
    "samples_mended.png",
    "denoising.png",
    "denoising_small.png",
    "inpainting.png",
    "inpainting_exact.png",
)  # those that the report shows


def rows(name: str, images: dict[str, torch.Tensor]) -> None:
    """Write a picture: a row for each label, of images `(N, 1, 28, 28)`."""
    count = min(len(each) for each in images.values())
    figure, axes = plt.subplots(len(images), 1, squeeze=False)
    figure.set_size_inches(0.6 * count + 1.2, 0.62 * len(images))
    for axis, (label, each) in zip(axes[:, 0], images.items(), strict=True):
        strip = each[:count, 0].detach().permute(1, 0, 2).reshape(28, -1)
        axis.imshow(strip, cmap="gray", vmin=0, vmax=1)
        axis.set(xticks=[], yticks=[])
        axis.set_ylabel(label, rotation=0, ha="right", va="center")
    save(figure, name)


def save(figure: plt.Figure, name: str) -> None:
    """Write a figure into the folder of pictures, and close it."""
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / name, dpi=200, bbox_inches="tight")
    plt.close(figure)


def forget() -> None:
    """Remove the report's pictures, so that none is of an older run."""
    for name in NAMES:
        (FOLDER / name).unlink(missing_ok=True)


def fill() -> list[str]:
    """Write a stand-in for each picture that is not there; their names."""
    missing = [name for name in NAMES if not (FOLDER / name).exists()]
    for name in missing:
        figure, axis = plt.subplots(figsize=(4, 1.5))
        axis.text(0.5, 0.5, f"{name}: not made yet", ha="center")
        axis.set(xticks=[], yticks=[])
        save(figure, name)
    return missing
