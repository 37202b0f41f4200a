from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from deeprestore_lab.course.exercises.compare import distance, fits_kind, is_right, scales

SEEDS = st.integers(0, 2**32 - 1)


def answers(seed, *, number=3):
    draw = np.random.default_rng(seed)
    return [(draw.normal(size=(2, 3)),) for _ in range(number)]


@given(SEEDS, st.floats(1e-12, 1e12))
def test_distance_is_relative(seed, factor):
    x, y = answers(seed), answers(seed + 1)
    scaled = [[(factor * part,) for (part,) in case] for case in (x, y)]
    assert math.isclose(
        distance(y, x, scale=scales(x)), distance(scaled[1], scaled[0], scale=scales(scaled[0])), rel_tol=1e-9
    )


@given(SEEDS)
def test_distance_is_the_worst_case_by_its_own_size(seed):
    x, y = answers(seed), answers(seed + 1)
    by_hand = max(np.abs(a - b).max() / np.abs(b).max() for (a,), (b,) in zip(y, x, strict=True))
    assert math.isclose(distance(y, x, scale=scales(x)), by_hand)


@given(SEEDS, st.floats(1e-6, 1e-2))
def test_right_is_within_the_tolerance_and_no_more(seed, tolerance):
    x = answers(seed)
    for part in range(3):
        off = [(part_of.copy(),) for (part_of,) in x]
        off[part][0].flat[0] += 0.9 * tolerance * np.abs(off[part][0]).max()
        assert is_right(off, x, tolerance=tolerance)
        off[part][0].flat[0] += 0.3 * tolerance * np.abs(x[part][0]).max()
        assert not is_right(off, x, tolerance=tolerance)


def test_a_case_of_zeros_is_measured_by_the_others():
    expected = [(np.array([4.0]),), (np.zeros(1),)]
    off = [(np.array([4.0]),), (np.array([2e-4]),)]
    assert math.isclose(distance(off, expected, scale=scales(expected)), 5e-5)


def test_where_all_is_zero_nothing_else_is_near():
    expected = [(np.zeros(2),)]
    assert distance([(np.full(2, 1e-30),)], expected, scale=scales(expected)) == math.inf
    assert distance(expected, expected, scale=scales(expected)) == 0


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (np.zeros(2), np.zeros((2, 1))),
        (np.array([1, 3]), np.array([1, 2])),
        (np.array([True]), np.array([False])),
        (np.array([np.nan, 1.0]), np.array([1.0, np.nan])),
        (np.array([np.inf]), np.array([-np.inf])),
        (np.array([np.nan]), np.array([1.0])),
    ],
)
def test_what_is_never_near(got, wanted):
    for a, b in ((got, wanted), (wanted, got)):
        assert distance([(a,)], [(b,)], scale=[[1.0]]) == math.inf
    assert distance([(got,)], [(got.copy(),)], scale=[[1.0]]) == 0


def test_finite_parts_are_compared_beside_infinite_ones():
    wanted = [(np.array([np.inf, 2.0, np.nan]),)]
    near = [(np.array([np.inf, 2.0001, np.nan]),)]
    assert math.isclose(distance(near, wanted, scale=scales(wanted)), 5e-5, rel_tol=1e-6)


def test_another_number_of_results_is_never_near():
    one, two = [(np.ones(1),)], [(np.ones(1), np.ones(1))]
    assert distance(one, two, scale=scales(two)) == distance(two, one, scale=scales(one)) == math.inf
    assert distance(one, one * 2, scale=scales(one)) == math.inf


def test_a_single_whole_number_may_stand_for_a_float():
    assert fits_kind(np.array(3), np.array(3.0)) and fits_kind(np.array(3.0), np.array(3))
    assert not fits_kind(np.array([3]), np.array([3.0])) and not fits_kind(np.array(1.0), np.array(True))
    assert not is_right([(np.array(3.5),)], [(np.array(3),)], tolerance=1.0)
