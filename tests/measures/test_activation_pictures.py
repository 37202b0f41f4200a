"""What pictures made for a unit are judged by, against counts and distances written out."""

import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.special import log_softmax
from scipy.stats import rankdata

from deeprestore_lab.measures.activation_pictures import class_answers, relative_diversity, top_patches
from deeprestore_lab.signal.arithmetic import conv, pool, receptive_field
from refusals import refused


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_answers_are_scipys():
    logits, classes = normal(5, 7), [0, 6, 3, 3, 1]
    found = class_answers(logits, classes)
    for row, (own, c) in enumerate(zip(logits.numpy(), classes, strict=True)):
        assert float(found.log_probability[row]) == pytest.approx(log_softmax(own)[c])
        assert int(found.rank[row]) == int(rankdata(-own, method="min")[c])


def test_diversity_is_a_ratio_of_mean_distances():
    a, b = normal(4, 6), normal(5, 6, seed=1)
    assert relative_diversity(a, b) == pytest.approx(pdist(a.numpy()).mean() / pdist(b.numpy()).mean())
    assert relative_diversity(a[:1].expand(3, -1), b) == 0
    assert relative_diversity(3 * b + 2, b) == pytest.approx(3)


def test_the_top_patch_is_what_the_unit_saw():
    """A convolution with a given patch as its kernel: its activation at the patch is the inner product with it."""
    x, kernel = normal(4, 2, 12, 10), normal(3, 2, 5, 5, seed=2)
    maps = torch.nn.functional.conv2d(x, kernel, stride=2, padding=2)
    field = receptive_field([conv(2, 3, kernel=5, stride=2, padding=2)])
    found = top_patches(x, maps, channel=1, field=field, count=4)
    assert found.activations.tolist() == sorted(maps[:, 1].flatten(1).amax(1).tolist(), reverse=True)
    assert sorted(found.pictures) == [0, 1, 2, 3] and found.patches.shape == (4, 2, 5, 5)
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2), value=0.5)
    for patch, activation, picture in zip(*found, strict=True):
        windows = padded[picture].unfold(1, 5, 2).unfold(2, 5, 2)  # (C, rows, columns, 5, 5)
        places = (windows == patch[:, None, None]).all(-1).all(-1).all(0).nonzero().tolist()
        assert len(places) == 1 and float(maps[picture, 1][tuple(places[0])]) == float(activation)


def test_behind_a_pooling_too():
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 5, 2] = 1
    maps = torch.nn.functional.max_pool2d(x, 2)
    field = receptive_field([pool(2)])
    assert top_patches(x, maps, channel=0, field=field, count=1).patches[0, 0].tolist() == [[0, 0], [1, 0]]


test_what_does_not_fit_is_refused = refused(
    (lambda: class_answers(torch.ones(2, 3), [0]), "one for each picture"),
    (lambda: class_answers(torch.ones(2, 3), [0, 3]), "a class"),
    (lambda: class_answers(torch.ones(3), [0]), "logits"),
    (lambda: relative_diversity(torch.ones(1, 3), torch.rand(3, 3)), "features"),
    (lambda: relative_diversity(torch.ones(2, 3), torch.rand(3, 2)), "reference"),
    (lambda: relative_diversity(torch.ones(2, 3), torch.ones(3, 3)), "all the same"),
    (lambda: top(count=2), "count"),
    (lambda: top(channel=1), "channel"),
    (lambda: top(maps=torch.rand(2, 1, 4, 4)), "a row for each"),
)


def top(*, maps: torch.Tensor | None = None, channel: int = 0, count: int = 1):
    x = torch.rand(1, 1, 4, 4)
    field = receptive_field([conv(1, 1, kernel=3, padding=1)])
    return top_patches(x, x if maps is None else maps, channel=channel, field=field, count=count)
