"""The usual recipe written out: its picture climbs, its steps are those of Adam, its views are pads and shifts."""

import io

import torch
from PIL import Image

from deeprestore_lab import backbones
from scripts.making.common_recipe import _moved, _view, recipe
from scripts.making.recorded import small_strip


def test_its_class_climbs_and_the_picture_stays_within_the_range():
    network = backbones.load("vgg_mini", "random")

    def answer(x):
        with torch.no_grad():
            return network.at("conv2_1")(x).mean((2, 3))[[0, 1], [3, 5]]

    start, end = (recipe(network, "conv2_1", [3, 5], size=32, steps=steps) for steps in (0, 30))
    assert (answer(end) > answer(start) + 0.02).all()
    assert start.shape == (2, 3, 32, 32) and 0 < end.min() and end.max() < 1 and float((start - 0.5).abs().max()) < 0.1


def test_a_view_has_the_grey_border_and_moves_leave_zeros():
    draw = torch.Generator().manual_seed(0)
    seen = _view(torch.ones(1, 1, 20, 20), draw)
    assert abs(seen.shape[-1] - 44) <= 6 and float(seen.max()) <= 1 + 1e-5
    x = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    moved = {tuple(_moved(x, 2, draw).flatten().tolist()) for _ in range(40)}
    shifts = [torch.nn.functional.pad(x, [r, -r, d, -d]) for d in (0, 1) for r in (0, 1)]
    assert moved == {tuple(each.flatten().tolist()) for each in shifts}


def test_a_small_strip_is_a_picture_of_all_in_a_row():
    x = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert Image.open(io.BytesIO(small_strip(x, quality=30))).size == (24, 8)
