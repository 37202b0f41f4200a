"""The pieces the small VGG16 is made with, on small nets and known answers."""

from __future__ import annotations

import copy
import signal
from importlib import import_module

import pytest
import torch
from torch import nn

from deeprestore_lab import images


@pytest.fixture(autouse=True)
def one_thread():
    """Threads cost more than they give on nets this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pieces():
    return import_module("scripts.making.vgg_mini.distillation")


@pytest.fixture(scope="module")
def collages():
    return import_module("scripts.making.vgg_mini.collages")


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def net(*widths: int) -> nn.Sequential:
    layers, inputs = [], 3
    for width in widths:
        layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers)


def test_the_channels_chosen_explain_the_rest(pieces):
    """Six channels mix two sources, each with a little noise of its own; channels 1 and 4 hold the sources best."""
    source = numbers(500, 2).double()
    mixed = source @ torch.tensor([[0.1, 3.0, 0.2, 0.0, 0.0, 0.3], [0.1, 0.0, 0.1, 0.2, 2.0, 0.1]]).double()
    mixed = mixed + 0.05 * numbers(500, 6, seed=1)
    assert sorted(pieces.choose(mixed.T.cov(), 2)) == [1, 4]


def test_a_student_of_the_teachers_shape_starts_as_the_teacher(pieces):
    """Where nothing has to be left out, regression finds the teacher's kernels, up to order and one scale a layer."""
    torch.manual_seed(0)
    teacher, student, x = net(4, 5), net(4, 5), numbers(6, 3, 12, 12)
    with torch.no_grad():
        goals, maps = [], x
        for place in (0, 2):
            places = torch.randint(12, (6, 140, 2), generator=torch.Generator().manual_seed(place))
            before = teacher[place](maps)
            goals.append((place, places, pieces.at(before, places)))
            maps = teacher[place + 1](before)
        pieces.start(student, x, goals)
        ours, theirs = student(x), teacher(x)
        ratio = float((ours.square().sum() / theirs.square().sum()).sqrt())
        matched = [min(float((a - ratio * b).abs().max()) for b in theirs.unbind(1)) for a in ours.unbind(1)]
    assert max(matched) < 1e-2 * float(ours.max())


def test_levelling_changes_scales_only(pieces):
    torch.manual_seed(1)
    network, x = net(6, 7, 5), numbers(3, 3, 16, 16)
    levelled = copy.deepcopy(network)
    pieces.level(levelled, list(x.split(1)))
    with torch.no_grad():
        for place in (1, 3, 5):
            before, after = network[: place + 1](x), levelled[: place + 1](x)
            assert float(after.square().mean()) == pytest.approx(1, rel=1e-4)
            torch.testing.assert_close(after, before / before.square().mean().sqrt(), rtol=1e-4, atol=1e-5)


def distillation(pieces, seed: int = 0):
    torch.manual_seed(seed)
    teacher, student, x = net(8, 8), net(4, 6), numbers(24, 3, 16, 16)
    with torch.no_grad():
        maps = teacher(x)
    target = pieces.Target(maps, 1.0, 3, 1, 1.0, True)
    return pieces.Distillation(student, lambda part: x[part], [target], pairs=0.1)


def test_descent_lowers_the_loss(pieces, tmp_path):
    run = distillation(pieces)
    every = torch.arange(24)
    before = float(run.loss(every).detach())
    run.descend(steps=40, batch=8, lr=0.01, seed=0, checkpoint=tmp_path / "run", label="test")
    assert float(run.loss(every).detach()) < 0.9 * before


def test_a_stopped_descent_goes_on_as_if_it_had_not_been(pieces, tmp_path, monkeypatch):
    whole, part = distillation(pieces), distillation(pieces)
    whole.descend(steps=32, batch=8, lr=0.01, seed=0, checkpoint=tmp_path / "whole", label="test")
    monkeypatch.setattr("deeprestore_lab.solve.saved_run.EVERY_SECONDS", -1.0)
    own, steps = part.loss, []

    def stops(images_):
        steps.append(1)
        if len(steps) == 15:
            raise KeyboardInterrupt(signal.SIGINT)
        return own(images_)

    part.loss = stops
    with pytest.raises(KeyboardInterrupt):
        part.descend(steps=32, batch=8, lr=0.01, seed=0, checkpoint=tmp_path / "part", label="test")
    again = distillation(pieces)
    again.descend(steps=32, batch=8, lr=0.01, seed=0, checkpoint=tmp_path / "part", label="test")
    for a, b in zip(whole.network.parameters(), again.network.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_each_pair_comes_once_an_epoch(pieces):
    run = distillation(pieces)
    parts = torch.stack([run._part(step, 8, 0) for step in range(3)])
    assert sorted(parts.flatten().tolist()) == list(range(24))
    assert (parts[:, 1::2] - parts[:, 0::2] == 1).all() and (parts[:, 0::2] % 2 == 0).all()


def test_collages_are_pictures_and_repeat_by_seed(collages):
    source = collages.Collages([images.photograph("coffee", size=128), images.photograph("grass", size=160)], size=48)
    x = source.draw(12, seed=3)
    assert x.shape == (12, 3, 48, 48) and x.min() >= 0 and x.max() <= 1
    assert torch.equal(x, source.draw(12, seed=3)) and not torch.equal(x, source.draw(12, seed=4))
    y = collages.distorted(x, seed=0)
    assert y.shape == x.shape and torch.equal(y, collages.distorted(x, seed=0))
    assert ((y - x).abs().amax((1, 2, 3)) > 0).sum() >= 11
