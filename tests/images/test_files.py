"""Files of every kind: those that are read come back right, the others are refused in one clear sentence."""

import io
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from deeprestore_lab import images
from deeprestore_lab.images import files as image_files

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)


def write(path, picture, **options):
    picture.save(path, **options)
    return path


def as_tensor(levels):
    return torch.from_numpy(levels.astype(np.float32) / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_saved_comes_back(tmp_path, suffix, channels):
    x = as_tensor(RGB)[:, :channels]
    back = images.load(images.save(x, tmp_path / f"a{suffix}"), grey=channels == 1)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-6)
    assert back.dtype == torch.float32 and back.is_contiguous()


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG"])
def test_jpeg_comes_back_nearly(tmp_path, suffix):
    x = images.photograph("chelsea", size=64)
    back = images.load(images.save(x, tmp_path / f"a{suffix}"))
    assert 0 < (back - x).abs().mean() < 0.02


def test_saving_rounds_to_the_nearest_level(tmp_path):
    x = torch.tensor([[[[0.0, 0.4 / 255, 0.6 / 255, 1.0, 1 + 0.3 / 255]]]], dtype=torch.float64)
    levels = np.asarray(Image.open(images.save(x, tmp_path / "a.png")))
    assert levels.tolist() == [[0, 0, 1, 255, 255]]


@pytest.mark.parametrize("value", [-0.1, 1.1, torch.nan, torch.inf])
def test_values_out_of_range_are_not_saved(tmp_path, value):
    with pytest.raises(ValueError, match="clamp first"):
        images.save(torch.full((1, 1, 2, 2), value), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_bad_targets_are_named(tmp_path):
    x = as_tensor(RGB)
    with pytest.raises(ValueError, match="one image of 1 or 3 channels"):
        images.save(torch.cat([x, x]), tmp_path / "a.png")
    with pytest.raises(ValueError, match="end in one of"):
        images.save(x, tmp_path / "a.gif")
    with pytest.raises(ValueError, match="there is no folder"):
        images.save(x, tmp_path / "nowhere" / "a.png")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = images.save(as_tensor(RGB), tmp_path / "a.png")
    before = path.read_bytes()

    def half(self, file, **options):
        file.write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(OSError, match="disk full"):
        images.save(as_tensor(255 - RGB), path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_bytes_are_read_like_a_file(tmp_path):
    path = write(tmp_path / "a.png", Image.fromarray(RGB))
    assert torch.equal(images.load(path.read_bytes()), as_tensor(RGB))
    assert torch.equal(images.load(memoryview(path.read_bytes())), images.load(str(path)))


def test_grey_palette_and_binary_become_three_channels(tmp_path):
    grey = Image.fromarray(RGB[..., 0])
    x = images.load(write(tmp_path / "grey.png", grey))
    assert torch.equal(x, as_tensor(np.repeat(RGB[..., :1], 3, 2)))
    palette = Image.fromarray(RGB).quantize(8)
    x = images.load(write(tmp_path / "palette.png", palette))
    assert torch.equal(x, as_tensor(np.asarray(palette.convert("RGB"))))
    binary = grey.point(lambda level: 255 * (level > 127), mode="1")
    x = images.load(write(tmp_path / "binary.png", binary))
    assert torch.equal(x[0, 0] == 1, torch.from_numpy(RGB[..., 0] > 127)) and set(x.unique().tolist()) == {0, 1}


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_kept(tmp_path, suffix):
    levels = RNG.integers(0, 65536, (5, 4), dtype=np.uint16)
    x = images.load(write(tmp_path / f"a.{suffix}", Image.fromarray(levels)))
    expected = torch.from_numpy(levels.astype(np.float32) / 65535).expand(1, 3, 5, 4)
    torch.testing.assert_close(x, expected, rtol=0, atol=1e-7)


def grey_tiff(values, *, bits, polarity):
    """The bytes of an uncompressed grey TIFF, written by hand: entries of 12 bytes, then the strip."""
    height, width = values.shape
    strip = values.astype("<u2").tobytes() if bits == 16 else packed_twelve(values)
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, polarity), (273, 8 + 2 + 12 * 9 + 4)]
    entries += [(277, 1), (278, height), (279, len(strip))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + struct.pack("<I", 0) + strip


def packed_twelve(values):
    """Two values of 12 bits in three bytes, the highest bits first."""
    pairs = values.reshape(-1, 2).astype(int)
    return bytes(b for one, two in pairs for b in (one >> 4, (one & 15) << 4 | two >> 8, two & 255))


@pytest.mark.parametrize(("bits", "polarity"), [(12, 1), (16, 0), (16, 1)])  # Pillow refuses 12 bits from white
def test_a_tiff_is_read_by_its_bits_and_its_polarity(bits, polarity):
    largest = 2**bits - 1
    levels = RNG.integers(0, largest + 1, (5, 4), dtype=np.uint16)
    levels[0, :2] = 0, largest
    x = images.load(grey_tiff(levels, bits=bits, polarity=polarity))
    share = levels / largest
    expected = torch.from_numpy(share if polarity else 1 - share).float().expand(1, 3, 5, 4)
    torch.testing.assert_close(x, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("largest", [1, 200, 255, 1023, 65535])
@pytest.mark.parametrize("plain", [False, True])
def test_a_pgm_is_read_by_its_largest_level(largest, plain):
    levels = RNG.integers(0, largest + 1, (5, 4))
    kind = ">u2" if largest > 255 else "u1"
    body = " ".join(map(str, levels.flatten())).encode() if plain else levels.astype(kind).tobytes()
    x = images.load(f"P{2 if plain else 5} 4 5 {largest}\n".encode() + body)
    expected = torch.from_numpy(levels / largest).float().expand(1, 3, 5, 4)
    step = 1 / 65535 if largest > 255 else 1 / 255  # Pillow stretches to 8 or 16 bits
    torch.testing.assert_close(x, expected, rtol=0, atol=0.5 * step + 1e-6)


def test_sixteen_bits_of_jpeg_2000_are_kept(tmp_path):
    levels = RNG.integers(0, 65536, (5, 4), dtype=np.uint16)
    x = images.load(write(tmp_path / "a.jp2", Image.fromarray(levels)))
    torch.testing.assert_close(x[0, 0], torch.from_numpy(levels / 65535).float(), rtol=0, atol=1e-6)


def test_sixteen_bits_are_turned_and_a_transparent_level_is_white(tmp_path):
    levels = RNG.integers(0, 65536, (5, 4), dtype=np.uint16)
    picture = Image.fromarray(levels)
    exif = picture.getexif()
    exif[0x0112] = 6
    x = images.load(write(tmp_path / "a.png", picture, exif=exif))
    expected = torch.from_numpy(np.rot90(levels, -1) / 65535).float()
    torch.testing.assert_close(x[0, 1], expected, rtol=0, atol=1e-6)
    levels[2, 1] = 1234
    x = images.load(write(tmp_path / "b.png", Image.fromarray(levels), transparency=1234))
    expected = torch.from_numpy(np.where(levels == 1234, 65535, levels) / 65535).float()
    torch.testing.assert_close(x[0, 2], expected, rtol=0, atol=1e-6)


def test_the_format_is_asked_before_the_turn_which_forgets_it(monkeypatch):
    """Older Pillows read 16-bit PNG as 32 bits: told apart by the format alone."""
    levels = np.array([[0, 1000, 65535]], np.int32)
    picture = Image.fromarray(levels)
    picture.format = "PNG"
    monkeypatch.setattr(Image, "open", lambda file: picture)
    x = images.load(b"anything")
    torch.testing.assert_close(x[0, 0], torch.from_numpy(levels / 65535).float(), rtol=0, atol=1e-6)


def test_transparency_is_laid_on_white(tmp_path):
    pixels = np.zeros((1, 3, 4), np.uint8)  # black: opaque, half transparent, not there
    pixels[0, :, 3] = [255, 128, 0]
    x = images.load(write(tmp_path / "a.png", Image.fromarray(pixels)))
    torch.testing.assert_close(x[0, :, 0], torch.tensor([0.0, 127 / 255, 1.0]).expand(3, 3), rtol=0, atol=1e-6)
    grey = np.stack([RGB[..., 0], np.full_like(RGB[..., 0], 255)], 2)
    x = images.load(write(tmp_path / "opaque.png", Image.fromarray(grey, mode=None)))
    assert torch.equal(x, as_tensor(np.repeat(RGB[..., :1], 3, 2)))


def test_the_camera_orientation_is_applied(tmp_path):
    picture = Image.fromarray(RGB)
    exif = picture.getexif()
    exif[0x0112] = 6  # the camera was turned: a quarter turn clockwise shows the picture upright
    x = images.load(write(tmp_path / "a.png", picture, exif=exif))
    assert torch.equal(x, as_tensor(np.rot90(RGB, -1).copy()))


def test_grey_and_size_are_those_of_photograph(tmp_path):
    path = write(tmp_path / "a.png", Image.fromarray(RGB))
    torch.testing.assert_close(images.load(path, grey=True), images.to_grey(as_tensor(RGB)))
    expected = images.resize(images.crop(as_tensor(RGB), 7), 3)
    torch.testing.assert_close(images.load(path, size=3), expected)
    with pytest.raises(ValueError, match="'a.png' has 9 x 7 pixels"):
        images.load(path, size=8)


def test_files_that_are_no_pictures(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(ValueError, match="there is no file"):
        images.load(tmp_path / "missing.png")
    with pytest.raises(ValueError, match="'empty.png' is empty"):
        images.load(tmp_path / "empty.png")
    with pytest.raises(ValueError, match="'text.png' is not an image file"):
        images.load(tmp_path / "text.png")
    with pytest.raises(ValueError, match="cannot be read"):
        images.load(tmp_path)
    with pytest.raises(ValueError, match="path must be a file name"):
        images.load(3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tif", "bmp"])
def test_damaged_files_are_value_errors_or_pictures(tmp_path, suffix):
    """Cut off anywhere, or with bytes overwritten: a sentence, never another kind of error."""
    buffer = io.BytesIO()
    Image.fromarray(np.tile(RGB, (8, 8, 1))).save(buffer, format=Image.registered_extensions()[f".{suffix}"])
    raw = buffer.getvalue()
    for end in np.linspace(1, len(raw) - 1, 25).astype(int):
        _picture_or_value_error(raw[:end])
    for _ in range(50):
        damaged = bytearray(raw)
        for place in RNG.integers(0, len(raw), 5):
            damaged[place] = RNG.integers(256)
        _picture_or_value_error(bytes(damaged))
    with pytest.raises(ValueError, match="damaged|not an image"):
        images.load(raw[: len(raw) // 2])


def _picture_or_value_error(raw):
    try:
        x = images.load(raw)
    except ValueError:
        return
    assert x.shape[:2] == (1, 3) and x.min() >= 0 and x.max() <= 1


def test_enormous_pictures_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    decoded, path = [], tmp_path / "bomb.png"
    header = Image.new("1", (20_000, 10_000))  # 200 million pixels, a few bytes a row
    header.save(path)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda self: decoded.append(self))
    with pytest.raises(ValueError, match="more than 50 million pixels"):
        images.load(path)
    assert not decoded
    monkeypatch.setattr(image_files, "MAX_PIXELS", 62)
    with pytest.raises(ValueError, match="million pixels"):
        images.load(write(tmp_path / "a.png", Image.fromarray(RGB)))


@pytest.mark.parametrize("mode, suffix", [("CMYK", "tif"), ("F", "tif"), ("I", "tif"), ("LAB", "tif")])
def test_modes_without_an_agreed_meaning_are_refused(tmp_path, mode, suffix):
    picture = Image.new(mode, (4, 4))
    with pytest.raises(ValueError, match=f"colour mode {mode}, which is not read"):
        images.load(write(tmp_path / f"a.{suffix}", picture))
