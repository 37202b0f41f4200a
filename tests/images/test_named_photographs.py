"""Photographs by name, against the packages that ship them."""

import numpy as np
import pytest
import skimage.data
import torch
from sklearn.datasets import load_sample_image

from deeprestore_lab import images


@pytest.mark.parametrize(
    "name, theirs",
    [("astronaut", skimage.data.astronaut), ("coffee", skimage.data.coffee), ("rocket", skimage.data.rocket)]
    + [("china", lambda: load_sample_image("china.jpg")), ("flower", lambda: load_sample_image("flower.jpg"))],
)
def test_colour_photographs_are_the_packages_own(name, theirs):
    x = images.photograph(name)
    np.testing.assert_allclose(x[0].permute(1, 2, 0) * 255, theirs(), atol=1e-4)
    assert x.dtype == torch.float32


@pytest.mark.parametrize("name", ["camera", "coins", "moon"])
def test_grey_photographs_have_three_equal_channels(name):
    x = images.photograph(name)
    theirs = getattr(skimage.data, name)()
    for channel in x[0]:
        np.testing.assert_allclose(channel * 255, theirs, atol=1e-4)
    torch.testing.assert_close(images.photograph(name, grey=True), x[:, :1])


@pytest.mark.parametrize("name", images.photograph_names())
def test_every_photograph_is_there_with_its_source(name):
    x = images.photograph(name, size=64)
    assert x.shape == (1, 3, 64, 64) and x.min() >= 0 and x.max() <= 1
    assert x.std() > 0.02  # a picture, not a blank
    source = images.photograph_source(name)
    assert source.name == name and source.title and source.author and source.licence


def test_size_is_a_centred_window_shrunk():
    whole = images.photograph("coffee")  # 400 x 600
    torch.testing.assert_close(images.photograph("coffee", size=400), whole[..., 100:500])
    expected = images.resize(whole[..., 100:500], 100)
    torch.testing.assert_close(images.photograph("coffee", size=100), expected)
    assert images.photograph("coffee", size=(90, 160), grey=True).shape == (1, 1, 90, 160)
    with pytest.raises(ValueError, match="photograph 'coins' has 303 x 384 pixels"):
        images.photograph("coins", size=304)


def test_a_photograph_can_be_changed_without_harm():
    images.photograph("camera", grey=True).zero_()
    images.photograph("camera").zero_()
    assert images.photograph("camera").max() == 1


def test_a_batch_holds_the_single_photographs():
    names = ("chelsea", "camera")
    x = images.photographs(names, size=(32, 48))
    assert torch.equal(x, torch.cat([images.photograph(name, size=(32, 48)) for name in names]))
    with pytest.raises(ValueError, match="sequence of photograph names"):
        images.photographs("camera", size=32)


def test_splits_share_no_photograph():
    training, held_out = images.photograph_names("training"), images.photograph_names("held_out")
    assert training == images.TRAINING_PHOTOGRAPHS and held_out == images.HELD_OUT_PHOTOGRAPHS
    assert not set(training) & set(held_out)
    assert set(training) | set(held_out) | set(images.photograph_names("texture")) < set(images.photograph_names())
    with pytest.raises(ValueError, match="split must be"):
        images.photograph_names("test")


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match="no photograph is named 'nobody'; there are astronaut, "):
        images.photograph("nobody")
