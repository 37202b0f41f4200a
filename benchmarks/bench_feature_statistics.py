"""The spatial covariance of feature maps against a loop over photographs and channels.

Maps of 14 x 14 and 64 channels of 200 photographs, averaged over channels after centring each position and scaling
each channel. The peer is the definition as it reads: numpy's outer product for each photograph and channel. Both are
float64 and must agree; seconds are CPU seconds, the least of three runs. Goal, set before measuring: less than 20 of
them. The ratio has no goal: outer products of 196 values are long enough for numpy to be quick at them.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from deeprestore_lab.measures.feature_statistics import spatial_covariance

SECONDS, COUNT, CHANNELS, SIDE, RUNS = 20.0, 200, 64, 14, 3


def looped(f: np.ndarray) -> np.ndarray:
    """A sum of outer products, one for each photograph and channel."""
    f = f - f.mean(0)
    scale = np.sqrt((f**2).mean((0, 2, 3)))
    total = np.zeros((f.shape[2] * f.shape[3],) * 2)
    for each in f:
        for channel, own in zip(each, scale, strict=True):
            z = channel.ravel() / own
            total += np.outer(z, z)
    return total / f.shape[0] / f.shape[1]


def timed(call) -> tuple[float, object]:
    seconds = []
    for _ in range(RUNS):
        began = time.process_time()
        found = call()
        seconds.append(time.process_time() - began)
    return min(seconds), found


def run(*, count: int = COUNT) -> list[dict]:
    """One row; `count` photographs."""
    f = torch.randn(count, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spatial_covariance(f[:4])  # the first product waits for its threads
    ours, found = timed(lambda: spatial_covariance(f))
    peer, expected = timed(lambda: looped(f.numpy()))
    if not np.allclose(found, expected, atol=1e-10):
        raise AssertionError("the two covariances differ")
    return [
        {
            "name": f"covariance of {count} maps of {CHANNELS} x {SIDE} x {SIDE}",
            "ours_s": ours,
            "peer": "an outer product for each map and channel",
            "peer_s": peer,
            "ratio": peer / ours,
            "goal": f"under {SECONDS:g} CPU s",
            "met": ours < SECONDS,
            "note": "CPU seconds of the process",
        }
    ]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in run():
        print(each)
