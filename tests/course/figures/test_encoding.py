"""Encoded pictures hold the pixels they were given, and always words."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from deeprestore_lab.course.figures import encode, picture
from deeprestore_lab.course.figures.encoding import default_zoom, img_tag, to_bytes8


def decode(raw: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))


def photograph() -> torch.Tensor:
    return torch.from_numpy(data.astronaut()[:64, :48].copy()).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("format", ["png", "webp-lossless"])
def test_lossless_formats_keep_every_byte(format):
    expected = data.astronaut()[:64, :48]
    assert np.array_equal(decode(encode(photograph(), format=format)), expected)


def test_small_webp_looks_the_same():
    found, expected = decode(encode(photograph(), format="webp")).astype(float), data.astronaut()[:64, :48]
    assert 10 * np.log10(255**2 / np.square(found - expected).mean()) > 30  # dB, far above what an eye tells apart
    assert len(encode(photograph(), format="webp")) < len(encode(photograph(), format="png")) / 2


def test_palette_png_is_exact_for_few_colours():
    x = (torch.arange(64).reshape(1, 1, 8, 8) / 63 * 255).round() / 255
    assert np.array_equal(decode(encode(x, format="png-palette"))[..., 0], to_bytes8(x)[..., 0])


def test_values_are_clipped_and_rounded():
    x = torch.tensor([-1.0, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 2.0]).reshape(1, 1, 1, 6)
    assert to_bytes8(x).ravel().tolist() == [0, 0, 0, 1, 255, 255]


@pytest.mark.parametrize(
    "x", [torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4), torch.zeros(4, 4), torch.full((1, 3, 2, 2), torch.nan), None]
)
def test_what_is_no_image_is_refused(x):
    with pytest.raises(ValueError, match="an image to show"):
        encode(x)


def test_unknown_format_is_named():
    with pytest.raises(ValueError, match="'gif'"):
        encode(torch.zeros(1, 1, 2, 2), format="gif")


def test_picture_is_magnified_sharply_and_described():
    html = picture(torch.zeros(1, 3, 10, 20), alt='a "dark" <square>', zoom=4)
    assert 'width="80" height="40"' in html and "image-rendering:pixelated" in html
    assert 'alt="a &quot;dark&quot; &lt;square&gt;"' in html and "max-width:100%" in html


@pytest.mark.parametrize("side, zoom", [(28, 9), (64, 4), (128, 2), (256, 1), (1000, 1)])
def test_default_zoom_brings_pictures_near_256(side, zoom):
    assert default_zoom(torch.zeros(1, 1, side, side // 2)) == zoom


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_a_picture_without_words_is_refused(alt):
    with pytest.raises(ValueError, match="alt must say in words"):
        picture(torch.zeros(1, 1, 2, 2), alt=alt)


@pytest.mark.parametrize("zoom", [0, 1.5, True, 65])
def test_zoom_is_a_whole_number(zoom):
    with pytest.raises(ValueError, match="zoom"):
        picture(torch.zeros(1, 1, 2, 2), alt="a square", zoom=zoom)


@pytest.mark.parametrize(
    ("height", "width", "half"), [(64, 64, True), (64, 96, True), (28, 280, False), (90, 90, False)]
)
def test_small_pictures_that_are_no_strips_may_stand_beside_another_on_a_telephone(height, width, half):
    assert ("drl-half" in picture(torch.zeros(1, 1, height, width), alt="black", zoom=1 if width > 90 else 4)) is half


def test_a_drawing_says_how_far_it_may_shrink_and_a_picture_does_not():
    drawn = img_tag(b"<svg/>", mime="image/svg+xml", alt="a line", width=800, height=300)
    assert "--drl-least:520px" in drawn and "drl-half" not in drawn
    assert "--drl-least" not in picture(torch.zeros(1, 1, 8, 8), alt="black")
