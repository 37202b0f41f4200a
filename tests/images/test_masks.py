"""Masks of known pixels."""

import pytest
import torch

from deeprestore_lab import images

X = torch.zeros(3, 2, 40, 60, dtype=torch.float64)
MASKS = {
    "text": lambda x: images.text_mask(x),
    "random": lambda x: images.random_mask(x, keep=0.3, seed=0),
    "block": lambda x: images.block_mask(x, size=5, count=4, seed=0),
    "hole": lambda x: images.hole_mask(x, size=(10, 20)),
}


@pytest.mark.parametrize("make", MASKS.values(), ids=MASKS)
def test_masks_are_ones_and_zeros_for_the_whole_batch(make):
    mask = make(X)
    assert mask.shape == (1, 1, 40, 60) and mask.dtype == torch.float64
    assert set(mask.unique().tolist()) == {0, 1}
    assert torch.equal(make(X[:1].float()), mask.float())


def test_text_covers_some_of_every_part():
    mask = images.text_mask(torch.zeros(1, 3, 128, 128))
    for part in mask.unflatten(2, (4, 32)).unflatten(4, (4, 32)).permute(0, 1, 2, 4, 3, 5).reshape(16, -1):
        assert 0.05 < 1 - part.mean().item() < 0.5


def test_text_is_the_same_picture_at_twice_the_size():
    small, large = (images.text_mask(torch.zeros(1, 1, n, n)) for n in (128, 256))
    assert torch.equal(large[..., ::2, ::2], small) and torch.equal(large[..., 1::2, 1::2], small)


def test_text_says_what_it_is_told():
    x = torch.zeros(1, 1, 24, 24)
    one, other = images.text_mask(x, text="I", scale=1), images.text_mask(x, text="M", scale=1)
    assert one.mean() > other.mean()
    assert torch.equal(one[..., :12, :6], one[..., 12:, 6:12])  # a letter fills 6 x 12 pixels, again and again
    for text in ("", "  ", "\N{SNOWMAN}", 3):
        with pytest.raises(ValueError, match="text must hold letters"):
            images.text_mask(x, text=text)
    with pytest.raises(ValueError, match="scale must be"):
        images.text_mask(x, scale=0)


@pytest.mark.parametrize("keep", [0.0, 0.25, 0.5, 1.0])
def test_a_random_mask_keeps_its_share_exactly(keep):
    mask = images.random_mask(X, keep=keep, seed=1)
    assert mask.sum() == keep * 40 * 60
    if 0 < keep < 1:
        assert not torch.equal(mask, images.random_mask(X, keep=keep, seed=2))
        assert torch.equal(mask, images.random_mask(X, keep=keep, seed=1))


def test_holes_are_where_they_should_be():
    hole = images.hole_mask(X, size=(10, 20))
    assert (1 - hole).sum() == 200
    assert (hole[..., 15:25, 20:40] == 0).all()
    single = images.block_mask(X, size=6, count=1, seed=3)
    assert (1 - single).sum() == 36
    assert images.block_mask(X, size=6, count=0, seed=3).min() == 1


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="keep must be a share"):
        images.random_mask(X, keep=1.5, seed=0)
    with pytest.raises(ValueError, match="does not fit"):
        images.hole_mask(X, size=41)
    with pytest.raises(ValueError, match="size must be a whole number from 1 to 40"):
        images.block_mask(X, size=41, count=1, seed=0)
    with pytest.raises(ValueError, match="float tensor of shape"):
        images.text_mask(X[0])
