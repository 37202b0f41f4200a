"""BM3D by its package: our call of it."""

import sys

import pytest
import torch

import deeprestore_lab as drl
from deeprestore_lab.baselines import bm3d, thresholded_frame
from deeprestore_lab.measures.metrics import psnr

SIGMA = 25 / 255
X = drl.images.photograph("chelsea", size=48)
Y = X + drl.images.gaussian_noise(X, sigma=SIGMA, seed=0)


def test_grey_images_one_by_one():
    x = torch.cat([X[:, :1, :32, :32], X[:, :1, 16:, 16:]])
    y = torch.cat([Y[:, :1, :32, :32], Y[:, :1, 16:, 16:]])
    z = bm3d(y, SIGMA)
    assert z.shape == x.shape and z.dtype == torch.float32
    assert bool((psnr(z, x) > psnr(y, x) + 4).all())


def test_in_colour_it_is_ahead_of_the_frame():
    best = max(float(psnr(thresholded_frame(Y, t * SIGMA), X)) for t in (2.0, 2.5, 3.0))
    assert float(psnr(bm3d(Y, SIGMA), X)) > best > float(psnr(Y, X)) + 5


def test_wrong_input():
    with pytest.raises(ValueError, match=r"sigma.*25 / 255"):
        bm3d(Y, 25)
    with pytest.raises(ValueError, match="one channel or three"):
        bm3d(Y[:, :2], SIGMA)
    with pytest.raises(ValueError, match="divide by 255"):
        bm3d(255 * Y, SIGMA)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm3d", None)  # as if it could not be imported
    with pytest.raises(ImportError, match=r"deeprestore_lab\[baselines\]"):
        bm3d(Y, SIGMA)
