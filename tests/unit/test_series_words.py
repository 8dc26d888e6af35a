"""States of figures in words, and the sentence over all."""

from __future__ import annotations

import numpy as np

from vitreous.project.alarms.limits import levels
from vitreous.project.pulse_words import Figure, column_figure, headline, judge

AGE = Figure("age", "Last image", 12.0, "s", "ok", "more are awaited")
RATE = Figure("rate", "Images/h", 257.0, "/h", "ok", "")


def test_values_within_the_limits_are_well():
    assert judge(np.full(50, 3.0), levels(mild_high=6.0)) == ("ok", "")
    assert judge(np.full(50, 3.0), None) == ("ok", "")


def test_a_median_beyond_a_limit_is_told_with_its_severity():
    told = judge(np.full(50, 7.0), levels(mild_high=6.0, severe_high=9.0), "fit_resolution")
    assert told == ("mild", "50 of the last 50 above 6 Å")
    assert judge(np.full(9, 8e4), levels(mild_high=7e4), "defocus")[1] == "9 of the last 9 above 7 µm"
    assert judge(np.full(50, 0.01), levels(severe_low=0.1))[0] == "severe"


def test_many_values_beyond_a_severe_limit_are_severe_whatever_the_median_is():
    values = np.array([3.0] * 35 + [99.0] * 15)
    assert judge(values, levels(severe_high=50.0)) == ("severe", "15 of the last 50 above 50")
    assert judge(values[5:35], levels(severe_high=50.0))[0] == "ok"


def test_a_column_without_values_is_unknown_and_not_zero():
    figure = column_figure("iciness", np.zeros(0), None, levels(mild_high=1.6), [])
    assert (figure.value, figure.state) == (None, "unknown")


def test_all_well_says_when_the_last_image_came_and_the_pace():
    assert headline(900, True, [], [AGE, RATE], "") == ("ok", "All well: last image 12 s ago, 257 images/h.")


def test_the_worst_comes_first():
    drift = Figure("drift_total", "Drift", 70.0, "Å", "severe", "50 of the last 50 above the limit")
    ice = Figure("iciness", "Iciness", 2.0, None, "mild", "40 of the last 50 above the limit")
    state, told = headline(900, True, [], [AGE, RATE, ice, drift], "")
    assert state == "severe"
    assert told == "Drift: 50 of the last 50 above the limit; look also at iciness."
    state, told = headline(900, True, [], [AGE, RATE, ice], "")
    assert (state, told.partition(".")[0]) == ("mild", "Iciness: 40 of the last 50 above the limit")


def test_without_an_image_it_is_said_what_is_waited_for():
    state, told = headline(0, False, [], [], "The project has no jobs")
    assert state == "unknown"
    assert "The project has no jobs" in told


def test_a_full_disk_wins_over_all():
    state, told = headline(5, True, ["0.2 GB are free on the project's disk"], [AGE, RATE], "")
    assert state == "severe"
    assert "free on the project's disk" in told
