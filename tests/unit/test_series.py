"""Many values in time made few, scales without what is far out, and outlines around points."""

from __future__ import annotations

import numpy as np
import pytest

from vitreous.project.reduce import count, plain_numbers, reduce, robust_range, stretches, width_for
from vitreous.project.scatter import inside_outline


def test_reduced_figures_are_those_of_each_stretch():
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(1000.0, 9000.0, 5000))
    values = rng.normal(3.0, 1.0, 5000)
    values[rng.random(5000) < 0.1] = np.nan
    starts, width = stretches(1000.0, 9000.0, 80)
    found = reduce(times, values, starts, width)
    for n, start in enumerate(starts):
        inside = values[(times >= start) & (times < start + width)]
        inside = inside[np.isfinite(inside)]
        if inside.size:
            expected = inside.min(), inside.max(), np.median(inside)
            assert (found.least[n], found.greatest[n], found.median[n]) == pytest.approx(expected)
        else:
            assert np.isnan(found.median[n])


def test_no_outlier_vanishes():
    times, values = np.arange(100_000.0), np.ones(100_000)
    values[54_321] = 1e9
    starts, width = stretches(0.0, 100_000.0, 1500)
    found = reduce(times, values, starts, width)
    assert np.nanmax(found.greatest) == 1e9
    assert np.nanmax(found.median) == 1.0


def test_stretches_stay_where_they_are_while_time_goes_on():
    before, width = stretches(1003.0, 2000.0, 50)
    after, same = stretches(1003.0 + width, 2000.0 + width, 50)
    assert same == width
    assert set(before[1:]) <= set(after)
    assert before.size <= 50


@pytest.mark.parametrize(("span", "parts"), [(1.0, 10), (86_400.0, 1500), (1e9, 60)])
def test_widths_are_round_and_wide_enough(span, parts):
    width = width_for(span, parts)
    assert width * parts >= span
    assert width == round(width)


def test_all_unknown_gives_unknown():
    starts, width = stretches(0.0, 100.0, 10)
    found = reduce(np.arange(100.0), np.full(100, np.nan), starts, width)
    assert np.isnan(found.median).all()
    assert robust_range(np.full(3, np.nan)) is None


def test_counts_add_up():
    times = np.sort(np.random.default_rng(2).uniform(0.0, 5000.0, 777))
    starts, width = stretches(0.0, 5000.0, 30)
    assert count(times, starts, width).sum() == 777


def test_a_scale_leaves_single_values_far_out_but_keeps_a_bad_hour():
    rng = np.random.default_rng(3)
    values = rng.normal(10.0, 0.1, 2000)
    values[100:300] = 7.0
    values[500] = 900.0
    low, high = robust_range(values)
    assert low == pytest.approx(7.0)
    assert high < 20.0


def test_numbers_are_short_and_unknown_is_none():
    assert plain_numbers(np.array([1.23456789, np.nan, 0.0, -98765.4321])) == [1.23457, None, 0.0, -98765.4]


def test_points_within_an_outline_are_found():
    square = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)])
    found = inside_outline(np.array([1.0, 3.0, 0.1, -1.0]), np.array([1.0, 1.0, 1.9, 1.0]), square)
    assert found.tolist() == [True, False, True, False]


def test_an_outline_may_be_hollow():
    u_shape = np.array([(0, 0), (3, 0), (3, 3), (2, 3), (2, 1), (1, 1), (1, 3), (0, 3)], dtype=float)
    found = inside_outline(np.array([0.5, 1.5, 2.5]), np.array([2.0, 2.0, 2.0]), u_shape)
    assert found.tolist() == [True, False, True]
