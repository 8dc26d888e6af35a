"""Samples of disk and queue: kept, thinned, and read as a pace that a single deletion can't move."""

from __future__ import annotations

import time

import numpy as np
import pytest

from vitreous.project.gauges import SMALL_CHANGE, filling, gauge_curves, hours_left, shrinking, take_sample
from vitreous.project.session import Session
from vitreous.store.database import create_database
from vitreous.store.gauges import Sample, newest_sample, queue_depth, record_sample, samples, thin_samples

NOW = 1_760_000_000.0
GB = 1_000_000_000


@pytest.fixture
def session(tmp_path):
    with create_database(tmp_path / "project", {}) as db:
        yield Session(db.folder, db, clock=lambda: NOW)


def fill(session, start, end, every=60.0, hourly=0.0, waiting=5, free=500 * GB):
    for at in np.arange(start, end + 1, every):
        left = free - hourly * GB * (at - start) / 3600.0
        record_sample(session.db, Sample(float(at), int(left), 1000 * GB, waiting, 2, 3))


def tasks(session, states, jobs=1):
    for job in range(1, jobs + 1):
        session.db.connection.execute(
            "INSERT INTO job (id, type, title, state, params, created) VALUES (?, 'ctf', '', 'active', '{}', 0)", (job,)
        )
        rows = [(job, item, state) for item, state in enumerate(states, start=1)]
        session.db.connection.executemany("INSERT INTO task (job, item, state) VALUES (?, ?, ?)", rows)


def test_the_queue_is_what_waits_and_what_is_under_way(session):
    assert queue_depth(session.db) == (0, 0)
    tasks(session, ["waiting", "ready", "ready", "running", "done", "failed"], jobs=2)
    assert queue_depth(session.db) == (6, 2)


def test_a_sample_costs_next_to_nothing_with_many_tasks_that_are_done(session):
    with session.db.transaction():
        tasks(session, ["done"] * 300, jobs=300)
    take_sample(session, 1)
    began = time.process_time()
    for _ in range(10):
        take_sample(session, 1, whatever=True)
    assert (time.process_time() - began) / 10 < 0.01  # 1 ms on a machine at rest


def test_what_is_as_it_was_is_written_only_now_and_then(session):
    assert take_sample(session, 2)
    assert not take_sample(session, 2)
    assert take_sample(session, 3)
    session.clock = lambda: NOW + 660.0
    assert take_sample(session, 3)
    newest = newest_sample(session.db)
    record_sample(session.db, Sample(newest.time, newest.free + 2 * SMALL_CHANGE, newest.total, 0, 0, 3))
    assert take_sample(session, 3)


def test_samples_older_than_a_week_are_thinned_and_newer_ones_stay(session):
    fill(session, NOW - 10 * 86_400, NOW - 10 * 86_400 + 7200)
    fill(session, NOW - 3600, NOW)
    thin_samples(session.db, NOW)
    old = samples(session.db, 0, NOW - 86_400).times
    assert 12 <= old.size <= 14
    assert np.diff(old)[1:].min() == 600.0
    assert samples(session.db, NOW - 3600, NOW).times.size == 61
    assert thin_samples(session.db, NOW) == 0


def test_the_pace_at_which_the_disk_fills_ends_in_hours(session):
    fill(session, NOW - 3 * 3600, NOW, hourly=40.0)
    found = filling(session)
    assert found.hourly == pytest.approx(40.0)
    assert hours_left(session, 81 * GB, found.hourly) == pytest.approx(2.0)
    assert hours_left(session, 81 * GB, -1.0) is None


def test_a_deletion_does_not_hide_that_the_disk_fills():
    times = np.arange(0.0, 7200.0, 60.0)
    free = 500e9 - 20e9 * times / 3600.0
    free[100:] += 30e9
    assert shrinking(times, free)[0].hourly == pytest.approx(20.0, rel=0.3)


def test_old_few_or_short_samples_tell_no_pace(session):
    assert filling(session) is None
    fill(session, NOW - 120, NOW)
    assert filling(session) is None
    fill(session, NOW - 7200, NOW - 4000, hourly=100.0)
    assert filling(session) is None  # an hour's pause lies between those and the last three


def test_curves_keep_the_deepest_queue_and_show_where_no_engine_ran(session):
    fill(session, NOW - 7200, NOW - 5000, waiting=10)
    fill(session, NOW - 2400, NOW, waiting=20)
    record_sample(session.db, Sample(NOW - 6000.5, 3 * GB, 1000 * GB, 900, 5, 1))
    curves = gauge_curves(session, NOW - 7200, NOW, points=60)
    queue = curves["queue"]["values"]
    assert max(value for value in queue if value is not None) == 905
    assert min(value for value in curves["free_space"]["values"] if value is not None) == 3.0
    times = np.array(curves["queue"]["times"])
    between = [value for value, at in zip(queue, times, strict=True) if NOW - 3800 < at < NOW - 2600]
    assert between == [None] * len(between) != []
    assert queue[-1] == 22


def test_no_sample_gives_empty_curves(session):
    assert gauge_curves(session, NOW - 60, NOW)["queue"] == {"times": [], "values": [], "width": None}
