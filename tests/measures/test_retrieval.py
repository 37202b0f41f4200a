"""Nearest neighbours and the linear classifier against scikit-learn, crops against where they may lie."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors

from deeprestore_lab.images.named_photographs import photograph
from deeprestore_lab.measures.retrieval import descriptor, hit_rate, labelled_crops, linear_classifier, most_similar
from refusals import refused


def rows(count: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed)) + 3.0


def test_nearest_is_scikit_learns_cosine_search_on_centred_rows():
    queries, gallery = rows(7, 5, 0), rows(30, 5, 1)
    centred = NearestNeighbors(metric="cosine").fit((gallery - gallery.mean(0)).numpy())
    expected = centred.kneighbors((queries - gallery.mean(0)).numpy(), 4, return_distance=False)
    assert np.array_equal(most_similar(queries, gallery, count=4), expected)


def test_no_row_finds_itself_when_it_is_left_out():
    gallery = rows(12, 6, 2)
    assert torch.equal(most_similar(gallery, gallery)[:, 0], torch.arange(12))
    without = most_similar(gallery, gallery, count=11, leave_out_itself=True)
    expected = [[j for j in range(12) if j != i] for i in range(12)]
    assert without.sort(1).values.tolist() == expected


def test_similarity_does_not_see_scale_or_a_common_shift():
    queries, gallery = rows(5, 8, 3), rows(20, 8, 4)
    found = most_similar(queries, gallery, count=3)
    assert torch.equal(most_similar(2.5 * queries - 7.0, 2.5 * gallery - 7.0, count=3), found)


def test_hit_rate_counts_labels():
    found, labels = torch.tensor([[0, 1], [2, 3]]), torch.tensor([5, 6, 6, 6])
    assert hit_rate(found, torch.tensor([5, 6]), labels) == 0.75


def test_the_classifier_is_scikit_learns_ridge_on_scaled_rows():
    x, labels = rows(40, 6, 5) * torch.arange(1.0, 7.0), torch.arange(40) % 3
    z = ((x - x.mean(0)) / x.std(0, unbiased=False)).double().numpy()
    peer = Ridge(alpha=0.3 * 40).fit(z, np.eye(3)[labels])  # scikit-learn's weight is for a sum, ours for a mean
    new = rows(25, 6, 6) * torch.arange(1.0, 7.0)
    expected = peer.predict(((new - x.mean(0)) / x.std(0, unbiased=False)).double().numpy()).argmax(1)
    assert np.array_equal(linear_classifier(x, labels, weight=0.3)(new), expected)


def test_crops_lie_in_their_part_and_halves_share_no_pixel():
    left, labels = labelled_crops(["camera", "coins"], side=40, count=5, part=(0.0, 0.5), seed=0)
    assert left.shape == (10, 1, 40, 40) and labels.tolist() == [0] * 5 + [1] * 5
    for crop, label in zip(left, labels, strict=True):
        whole = photograph(["camera", "coins"][label], grey=True)
        half = whole[..., : whole.shape[3] // 2].unfold(2, 40, 1).unfold(3, 40, 1)
        assert (half == crop).flatten(4).all(4).any()


def test_large_photographs_are_halved():
    whole = torch.nn.functional.avg_pool2d(photograph("retina", grey=True), 2)
    while max(whole.shape[2:]) > 700:
        whole = torch.nn.functional.avg_pool2d(whole, 2)
    side = min(whole.shape[2:])
    assert torch.equal(labelled_crops(["retina"], side=side, count=1)[0], whole[..., :side, :side])


def test_descriptor_is_the_mean_over_windows():
    maps = torch.rand(2, 3, 8, 6)
    assert torch.allclose(descriptor(maps), maps.mean((2, 3)))
    assert torch.allclose(descriptor(maps, grid=2)[:, 0], maps[:, 0, :4, :3].mean((1, 2)))


test_what_does_not_fit_is_named = refused(
    (lambda: most_similar(rows(3, 4, 0), rows(5, 6, 0)), "must be"),
    (lambda: most_similar(rows(3, 4, 0), rows(5, 4, 0), leave_out_itself=True), "queries must be the gallery"),
    (lambda: most_similar(rows(3, 4, 0), rows(5, 4, 0), count=6), "6 neighbours"),
    (lambda: linear_classifier(rows(3, 4, 0), torch.zeros(4)), "labels"),
    (lambda: most_similar(rows(3, 4, 0), [[0.0]]), "must be"),
    (lambda: hit_rate(torch.zeros(3, 2).long(), torch.zeros(1).long(), torch.zeros(4).long()), "needs own"),
    (lambda: labelled_crops(["text"], side=200, count=1), "a crop 200 x 200"),
    (lambda: labelled_crops(["text"], side=20, count=1, part=(0.5, 2.0)), "part must be two shares"),
)
