"""Image files to tensors and back: whatever is wrong with a file is said in one sentence."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from deeprestore_lab.core.checks import check_images, describe
from deeprestore_lab.core.writing import whole
from deeprestore_lab.images.transforms import Size, fit, to_grey

MAX_PIXELS = 50_000_000
_SAVED = {".png": {}, ".bmp": {}, ".tif": {}, ".tiff": {}, ".webp": {"lossless": True}, ".jpg": {"quality": 95}}
_SAVED[".jpeg"] = _SAVED[".jpg"]
_TIFF_BITS, _TIFF_POLARITY = 258, 262  # numbers of tags; a polarity of 0 means that 0 is white


def load(path: str | os.PathLike | bytes, *, grey: bool = False, size: Size | None = None) -> torch.Tensor:
    """The picture in a file (or in the bytes of one) as `(1, 3, H, W)` in [0, 1], float32; `(1, 1, H, W)` with `grey`.

    It is turned the way its EXIF orientation says. Grey, palette and 16-bit grey pictures (PNG, TIFF, PGM, JPEG 2000)
    become three channels: 1 is the largest level that the file's bits can hold, and white. 16-bit colour is read as
    8 bits. Transparent parts are laid on white. Colour profiles are not applied; of an animation the first picture is
    taken. `size` as in `photograph`.

    Raises `ValueError` for a file that is missing, empty, no image, damaged, of more than 50 million pixels
    (checked before it is decoded), or of a kind whose values have no agreed meaning here (CMYK, float, 32 bits).
    """
    raw, name = _read(path)
    x = torch.from_numpy(_decode(raw, name)).permute(2, 0, 1)[None].contiguous()  # (H, W, 3) -> (1, 3, H, W)
    x = to_grey(x) if grey else x
    return x if size is None else fit(x, size, name=name)


def save(x: torch.Tensor, path: str | os.PathLike) -> Path:
    """Write one image `(1, C, H, W)`, C of 1 or 3, with 8 bits per value; the suffix names the format.

    The file is written whole or not at all. PNG, BMP, TIFF and WebP keep every value, JPEG (quality 95) does not.
    Raises `ValueError` for values that are not finite or further than half a grey level outside [0, 1] (clamp
    first, so that clipping is seen in your code), another shape or an unknown suffix.
    """
    check_images(x)
    path = Path(path)
    if x.shape[0] != 1 or x.shape[1] not in (1, 3):
        raise ValueError(f"save takes one image of 1 or 3 channels, (1, C, H, W); got {describe(x)}")
    if path.suffix.lower() not in _SAVED:
        raise ValueError(f"the file name must end in one of {', '.join(_SAVED)}; got {path.name!r}")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {str(path.parent)!r} to save {path.name!r} in")
    levels = x.detach()[0].permute(1, 2, 0).cpu().double() * 255
    if not torch.isfinite(levels).all() or levels.min() < -0.5 or levels.max() > 255.5:
        raise ValueError(
            f"values must lie in [0, 1], got {x.min():.3g} to {x.max():.3g}; clamp first: save(x.clamp(0, 1), path)"
        )
    picture = Image.fromarray(levels.round().clamp(0, 255).byte().squeeze(-1).numpy())
    suffix = path.suffix.lower()
    with whole(path) as part:
        picture.save(part, format=Image.registered_extensions()[suffix], **_SAVED[suffix])
    return path


def _read(path: str | os.PathLike | bytes) -> tuple[bytes, str]:
    if isinstance(path, (bytes, bytearray, memoryview)):
        raw, name = bytes(path), "the picture"
    elif isinstance(path, (str, os.PathLike)):
        name = repr(Path(path).name)
        try:
            raw = Path(path).read_bytes()
        except FileNotFoundError:
            raise ValueError(f"there is no file {str(path)!r}") from None
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error.strerror}") from error
    else:
        raise ValueError(f"path must be a file name or the bytes of a file, got {describe(path)}")
    if not raw:
        raise ValueError(f"{name} is empty (0 bytes)")
    return raw, name


def _decode(raw: bytes, name: str) -> np.ndarray:
    """The pixels as float32 `(H, W, 3)` in [0, 1]."""
    too_large = f"{name} has more than {MAX_PIXELS // 10**6} million pixels; shrink it first"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is stricter
            picture = Image.open(io.BytesIO(raw))
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(too_large)
        picture.load()
        mode, white = picture.mode, _white_of_grey(picture)  # before the turn, which forgets the format
        picture = ImageOps.exif_transpose(picture)
    except Image.DecompressionBombError as error:
        raise ValueError(too_large) from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} is not an image file, or one of a kind that Pillow cannot read") from error
    except Exception as error:  # decoders fail on damaged files in many ways; each means the same to the reader
        if str(error) == too_large:
            raise
        raise ValueError(f"{name} is damaged or cut off and cannot be decoded ({error})") from error
    if white is not None:
        return np.repeat(_grey(picture, white)[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    elif mode not in ("1", "L", "P", "RGB", "RGBX", "YCbCr"):
        raise ValueError(f"{name} has the colour mode {mode}, which is not read; save it as RGB or grey first")
    return np.asarray(picture.convert("RGB")).astype(np.float32) / np.float32(255)


def _white_of_grey(picture: Image.Image) -> tuple[int, bool] | None:
    """Of grey with more than 8 bits: its largest level, and whether that is black. None for every other picture.

    Pillow gives PNG, JPEG 2000 and PGM over the whole of 16 bits, TIFF as its levels stand in the file.
    """
    if not (picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format in ("PNG", "PPM"))):
        return None
    if picture.format == "TIFF":
        bits = picture.tag_v2.get(_TIFF_BITS, (16,))
        return 2 ** (bits[0] if isinstance(bits, tuple) else bits) - 1, picture.tag_v2.get(_TIFF_POLARITY) == 0
    return (65535, False) if picture.format in ("PNG", "PPM", "JPEG2000") else None


def _grey(picture: Image.Image, white: tuple[int, bool]) -> np.ndarray:
    """Levels of more than 8 bits as float32 `(H, W)` in [0, 1]; a level that is named transparent is laid on white."""
    levels, (largest, inverted) = np.asarray(picture), white
    x = levels.astype(np.float32) / np.float32(largest)
    x = 1 - x if inverted else x
    transparent = picture.info.get("transparency")
    return np.where(levels == transparent, np.float32(1), x) if isinstance(transparent, int) else x
