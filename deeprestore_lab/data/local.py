"""The local tier: sets of pictures and weights in a folder that the user names in DEEPRESTORE_DATA."""

from pathlib import Path

from deeprestore_lab.data.files import DataError, check_sum, listed_sums, local_folder

NOT_STATED = "not stated by its source: for teaching and tests"
ANY_FILE = (".png", ".jpg", ".bmp", ".gz", ".npz", ".npy", ".safetensors", ".json")

# name -> (folder in the local data folder, licence, note)
LOCAL = {
    "mnist": ("MNIST/raw", "commonly given as CC BY-SA 3.0", "70000 handwritten digits, 28 x 28"),
    "set5": ("images/Set5", NOT_STATED, "5 colour pictures, super-resolution"),
    "set14": ("images/Set14", NOT_STATED, "14 pictures, super-resolution"),
    "set12": ("images/Set12", NOT_STATED, "12 grey pictures, denoising"),
    "bsd68": ("images/BSD68", NOT_STATED, "68 grey photographs, denoising"),
    "bsds_training": ("images/BSDS/train", "non-commercial research and education", "200 photographs, to learn from"),
    "dip": ("images/DIP", "Apache 2.0 (the repository's)", "the deep image prior's own test pictures"),
    "style": ("images/style", "paintings in the public domain", "3 paintings"),
    "content": ("images/content", "personal or research use", "2 photographs for style transfer"),
    "texture": ("images/texture", NOT_STATED, "2 textures"),
    "cifar10": ("cifar10", NOT_STATED, "60000 pictures of 32 x 32 as JPEG, 4000 lossless"),
    "weights": ("weights", "each file's own: see the folder's README", "pretrained convolution weights"),
}


def local_path(name: str) -> Path | None:
    """The folder of a local source, or None where there is none. Raises `DataError` for a wrong DEEPRESTORE_DATA."""
    root = local_folder()
    folder = root and root / LOCAL[name][0]
    return folder if folder and folder.is_dir() else None


def local_files(name: str, suffixes: tuple[str, ...]) -> list[Path]:
    """A local source's files of these suffixes, in order, their sums checked where the folder lists them.

    Raises `DataError` where the source is not at hand, holds no such file, lacks a listed one or has a damaged one.
    """
    root, folder = local_folder(), local_path(name)
    if folder is None:
        where = "DEEPRESTORE_DATA is not set" if root is None else f"the folder it names has no {LOCAL[name][0]}"
        raise DataError(
            f"{name!r} ({LOCAL[name][2]}) is not part of this package: put it into {LOCAL[name][0]} of a folder and "
            f"name that folder in DEEPRESTORE_DATA ({where})"
        )
    sums = {root / relative: total for relative, total in listed_sums(root).items()}
    there = {file for file in folder.rglob("*") if file.is_file()}
    wanted = there | {file for file in sums if folder in file.parents}
    wanted = sorted(file for file in wanted if file.suffix.lower() in suffixes)
    if missing := [file.name for file in wanted if file not in there]:
        raise DataError(f"{name!r} is incomplete: {', '.join(missing[:3])} is listed in SHA256SUMS and missing")
    if not wanted:
        raise DataError(f"{LOCAL[name][0]} of the local data folder holds no file of {', '.join(suffixes)}")
    return [check_sum(file, sums.get(file)) for file in wanted]
