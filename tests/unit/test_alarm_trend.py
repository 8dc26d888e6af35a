"""The search for changes in the course of a session."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from vitreous.core.plain import plain
from vitreous.project.alarms.streams import course_of
from vitreous.project.alarms.trend import (
    BLOCK,
    FALSE_ALARMS,
    SERIES,
    Course,
    Series,
    changes_of,
    follow,
    level_before,
    level_now,
    limit_of_sum,
)

PLAIN = Series(log=False, least=1e-6, sides="both")


def noise(number: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.0, number)


def test_normal_noise_raises_no_more_than_the_declared_rate():
    images, alarms = 0, 0
    for seed in range(6):
        alarms += len(changes_of(noise(3000, seed), PLAIN))
        images += 3000
    # The declared rate holds where the usual level is known; it is learned here, which costs a little.
    assert alarms <= 4 * FALSE_ALARMS * images / 1000 + 1


def test_the_limit_follows_siegmunds_formula():
    limit = limit_of_sum(false_alarms=0.02, sides=1)
    exponent = 2.0 * (limit + 1.166)
    assert (np.exp(exponent) - exponent - 1.0) / 2.0 == pytest.approx(1000.0 / (0.02 * BLOCK), rel=1e-6)
    assert limit_of_sum(sides=2) > limit


def test_nothing_is_told_in_the_first_sixty_images():
    values = np.concatenate([noise(30), noise(30) + 50.0])
    assert changes_of(values, PLAIN) == []


def test_a_jump_is_found_within_three_blocks_and_its_end_too():
    values = noise(600)
    values[300:420] += 4.0
    (change,) = changes_of(values, PLAIN)
    assert change.side == 1
    assert 300 < change.found <= 300 + 3 * BLOCK
    assert change.ended is not None
    assert 420 < change.ended <= 420 + 7 * BLOCK


def test_a_fall_is_told_only_where_falls_matter():
    values = noise(400)
    values[300:] -= 5.0
    assert changes_of(values, Series(False, 1e-6, "up")) == []
    assert [change.side for change in changes_of(values, PLAIN)] == [-1]


@pytest.mark.parametrize("place", range(400, 409))
def test_single_bad_images_and_one_bad_stage_position_are_no_trend(place):
    rng = np.random.default_rng(place)
    iciness = 0.4 + rng.gamma(2.0, 0.08, 600) + np.where(rng.random(600) < 0.03, rng.gamma(2.0, 0.6, 600), 0.0)
    iciness[place : place + 9] += 1.5
    assert changes_of(iciness, SERIES["iciness"]) == []


@pytest.mark.parametrize("holes", [4, 5, 9, 21, 25])
def test_patterns_of_image_shift_are_usual(holes):
    n = np.arange(1500)
    rng = np.random.default_rng(holes)
    missing = rng.random(1500) < 0.03
    drift = 4.0 + 14.0 * np.exp(-(n % holes) / 1.2) * rng.gamma(2.0, 0.5, 1500) + rng.gamma(1.5, 1.4, 1500)
    assert changes_of(np.where(missing, np.nan, drift), SERIES["drift_total"]) == []


def test_a_level_that_stays_becomes_the_usual_one():
    values = noise(1500)
    values[300:] += 6.0
    (change,) = changes_of(values, PLAIN)
    assert change.ended is not None
    assert 800 < change.ended < 1000


def test_unknown_values_change_nothing():
    values = noise(300)
    holes = np.insert(values, [50, 120, 121, 200], np.nan)
    assert follow(Course(), PLAIN, holes, list(range(304))).usual == follow(Course(), PLAIN, values, range(300)).usual


def test_ratios_count_for_figures_whose_spread_grows_with_them():
    values = 0.8 * np.exp(0.02 * noise(300))
    values[200:240] *= 0.75
    course = follow(Course(), SERIES["counts_per_frame"], values[:240], range(240))
    assert course.changed == -1
    assert level_before(course, SERIES["counts_per_frame"]) == pytest.approx(0.8, rel=0.02)
    assert level_now(course, SERIES["counts_per_frame"]) == pytest.approx(0.6, rel=0.05)
    assert 195 <= (course.since or 0) <= 212


def test_a_course_goes_on_after_it_was_written_down():
    values, half = noise(400), 205
    values[250:] += 6.0
    whole = follow(Course(), PLAIN, values, range(400))
    first = follow(Course(), PLAIN, values[:half], range(half))
    again = course_of(plain(asdict(first)))
    assert follow(again, PLAIN, values[half:], range(half, 400)) == whole
