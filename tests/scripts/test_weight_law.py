"""The power law of weights, against curves whose best weights are known."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.making.weight_law import fit, law, losses

TRIED = np.logspace(-5, 1, 61)


def parabola(noise: float, best: float, *, width: float = 1.0) -> dict:
    """PSNR falls by 1 dB a squared decade from the best weight."""
    psnr = 30 - (np.log10(TRIED / best) / width) ** 2
    return {"noise": noise, "weights": TRIED.tolist(), "psnr": psnr.tolist()}


def test_losses_are_read_off_between_weights_that_were_tried():
    curve = {"weights": [1e-2, 1e-4, 1e-3], "psnr": [20.0, 18.0, 22.0]}
    at = np.array([1e-3, 1e-4, 1e-2, 10**-3.5, 1e-1])
    assert losses(curve, at) == pytest.approx([0, 4, 2, 2, 4])  # the last: 2 dB, and 2 for a decade beyond


def test_a_law_that_holds_is_found():
    curves = {f"n{i}/a/b": parabola(noise, 0.003 * (100 * noise) ** 2.5) for i, noise in enumerate((0.005, 0.01, 0.03))}
    coefficient, exponent = fit(curves)
    assert coefficient == pytest.approx(0.003, rel=0.1)
    assert exponent == pytest.approx(2.5, abs=0.11)
    assert max(law(curves)["loss"].values()) < 0.01


def test_the_worst_curve_counts():
    """Two curves of one noise that want weights two decades apart: half way, whatever a third one wants nearby."""
    curves = {"a/x/p": parabola(0.01, 1e-3), "a/y/p": parabola(0.01, 1e-1), "a/z/p": parabola(0.01, 1e-1)}
    coefficient, _ = fit(curves)
    assert coefficient == pytest.approx(1e-2, rel=0.1)


def test_what_is_left_out_is_not_fitted_to():
    law_of = {i: 0.003 * (100 * i) ** 2 for i in (0.005, 0.01, 0.03)}
    curves = {f"good{i}/a/p": parabola(i, law_of[i]) for i in law_of} | {"odd/a/p": parabola(0.02, 1e-4)}
    found = law(curves)
    assert found["loss"]["odd/a/p"] < found["loss_left_out"]["odd/a/p"]
    assert found["loss_left_out"]["odd/a/p"] == pytest.approx(np.log10(0.012 / 1e-4) ** 2, rel=0.1)
