"""Picture rows: every picture is there, with its label, its score and its words."""

from __future__ import annotations

import re

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from deeprestore_lab.course.figures import show

WORDS = {"alt": "Two squares", "see": "The second is brighter & larger."}


def alts(html: str) -> list[str]:
    return re.findall(r'<img[^>]*alt="([^"]*)"', html)


def test_each_picture_has_its_label_in_its_words():
    figure = show({"dark": torch.zeros(1, 1, 4, 4), "light": torch.ones(1, 4, 4)}, **WORDS)
    assert alts(figure.html) == ["Two squares: dark", "Two squares: light"]
    assert "<span>dark</span>" in figure.html
    assert "<figcaption>The second is brighter &amp; larger.</figcaption>" in figure.html
    assert "Two squares" in repr(figure) and figure._repr_html_() == figure.html


def test_psnr_under_each_picture_is_that_of_scikit_image():
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(1, 3, 16, 16, generator=generator) for _ in range(2))
    expected = peak_signal_noise_ratio(x.numpy(), y.numpy(), data_range=1)
    html = show({"x": x, "y": y}, reference=x, **WORDS).html
    assert f"{expected:.1f} dB" in html and "exact" in html


def test_a_batch_and_a_list_are_numbered():
    batch = torch.rand(3, 1, 4, 4)
    assert alts(show(batch, **WORDS).html) == alts(show(list(batch), **WORDS).html)
    assert alts(show({"digit": batch}, **WORDS).html)[-1] == "Two squares: digit 3"


def test_one_picture_has_the_words_alone():
    assert alts(show(torch.zeros(1, 1, 4, 4), **WORDS).html) == ["Two squares"]


def test_own_scores_are_shown_and_must_name_a_picture():
    images = {"a": torch.zeros(1, 1, 4, 4)}
    assert "0.9 SSIM" in show(images, scores={"a": "0.9 SSIM"}, **WORDS).html
    with pytest.raises(ValueError, match="scores name no image: b"):
        show(images, scores={"b": "1"}, **WORDS)


def test_columns_limit_the_row():
    assert "repeat(2," in show(torch.zeros(4, 1, 4, 4), columns=2, **WORDS).html


@pytest.mark.parametrize("images", [{}, [], {"a": "picture"}, {"a": torch.zeros(4)}])
def test_what_is_no_image_is_refused(images):
    with pytest.raises(ValueError):
        show(images, **WORDS)


@pytest.mark.parametrize("word", ["alt", "see"])
def test_words_are_required(word):
    with pytest.raises(ValueError, match=word):
        show(torch.zeros(1, 1, 4, 4), **(WORDS | {word: ""}))


def test_reference_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="reference"):
        show(torch.zeros(1, 1, 4, 4), reference=torch.zeros(1, 1, 5, 5), **WORDS)
