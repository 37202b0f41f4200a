import pytest
import torch

from deeprestore_lab import artifacts, images


def test_the_painting_is_whole_and_its_card_names_painter_and_source():
    x = images.painting()
    assert x.shape == (1, 3, 470, 600) and 0 <= float(x.min()) and float(x.max()) <= 1
    sky, roof, meadow = x[0, :, :50, :60], x[0, :, 165:215, 165:235], x[0, :, 420:, 50:300]
    sky, roof, meadow = (part.mean((1, 2)) for part in (sky, roof, meadow))
    assert sky[2] > sky[0] + 0.1 and roof[0] > roof[1] + 0.2 and meadow[1] > meadow[2] + 0.2
    record, card = artifacts.load_record("painting"), artifacts.card("painting")
    assert record["painter"].startswith("Vincent van Gogh") and "public domain" in card.licence
    assert record["pixels"] == [600, 470]


def test_a_size_takes_the_middle_and_a_copy_is_given():
    small = images.painting(size=94)
    assert small.shape == (1, 3, 94, 94)
    assert float((small - torch.nn.functional.avg_pool2d(images.painting()[..., 65:535], 5)).abs().mean()) < 0.05
    images.painting().zero_()
    assert float(images.painting().mean()) > 0.3
    with pytest.raises(ValueError, match="the painting"):
        images.painting(size=500)
