"""One process alone holds a project, and a dead one does not keep it."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from vitreous.core.errors import UsageError
from vitreous.store import lock as lock_module
from vitreous.store import lock_state as states
from vitreous.store.lock import acquire, read_lock

HOLD = """
import sys, time
from pathlib import Path
from vitreous.store.lock import acquire

lock = acquire(Path(sys.argv[1]), "holder")
print("held", flush=True)
time.sleep(60)
"""


def hold(folder):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "held"
    return process


def foreign(folder, age, **changes):
    owner = dataclasses.replace(states.this_process("vitreous run"), boot="another", host="elsewhere", **changes)
    path = folder / states.LOCK_NAME
    path.write_text(states.to_text(owner))
    then = time.time() - age
    os.utime(path, (then, then))
    return owner


def test_a_lock_is_held_until_it_is_released(tmp_path):
    assert read_lock(tmp_path).state == "free"
    with acquire(tmp_path, "vitreous run") as lock:
        state = read_lock(tmp_path)
        assert state.state == "held"
        assert state.owner == lock.owner
        assert state.owner.pid == os.getpid()
        assert state.same_host
        with pytest.raises(UsageError, match="in use by vitreous run"):
            acquire(tmp_path, "other")
    assert read_lock(tmp_path).state == "free"
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_is_replaced_at_once_with_a_note(tmp_path):
    process = hold(tmp_path)
    with pytest.raises(UsageError, match=f"process {process.pid}"):
        acquire(tmp_path, "other")
    process.send_signal(signal.SIGKILL)
    # Not waited for: a dead process that its parent has not collected is dead all the same.
    deadline = time.monotonic() + 5
    while read_lock(tmp_path).state != "stale" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "is gone" in read_lock(tmp_path).reason
    with acquire(tmp_path, "other") as lock:
        assert f"process {process.pid}" in lock.note
    process.wait()
    assert list(tmp_path.iterdir()) == []


def test_a_process_number_that_was_used_again_is_not_the_holder(tmp_path):
    owner = dataclasses.replace(states.this_process("vitreous run"), started="1")
    (tmp_path / states.LOCK_NAME).write_text(states.to_text(owner))
    assert read_lock(tmp_path).state == "stale"
    assert "another one now" in read_lock(tmp_path).reason
    acquire(tmp_path, "other").release()


def test_another_host_is_believed_for_a_minute(tmp_path):
    foreign(tmp_path, age=30)
    assert read_lock(tmp_path).state == "held"
    with pytest.raises(UsageError, match="in use"):
        acquire(tmp_path, "other", take_over=True)


def test_a_dead_holder_on_another_host_is_replaced_only_on_demand(tmp_path):
    owner = foreign(tmp_path, age=90)
    state = read_lock(tmp_path)
    assert state.state == "stale"
    assert not state.same_host
    with pytest.raises(UsageError, match="vitreous unlock") as error:
        acquire(tmp_path, "other")
    assert owner.host in str(error.value)
    with acquire(tmp_path, "other", take_over=True) as lock:
        assert "elsewhere" in lock.note


def test_a_container_of_the_same_name_is_judged_by_its_heartbeat(tmp_path):
    owner = dataclasses.replace(states.this_process("run"), namespace="pid:[1]", pid=999999999)
    path = tmp_path / states.LOCK_NAME
    path.write_text(states.to_text(owner))
    assert read_lock(tmp_path).state == "held"


def test_ages_are_told_by_the_clock_of_the_file_system(tmp_path, monkeypatch):
    foreign(tmp_path, age=30)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    assert read_lock(tmp_path).state == "held"


def test_an_unfinished_lock_is_first_believed_then_replaced(tmp_path):
    path = tmp_path / states.LOCK_NAME
    path.write_text('{"host": "a"')
    with pytest.raises(UsageError, match="just taking it"):
        acquire(tmp_path, "other")
    then = time.time() - 10
    os.utime(path, (then, then))
    acquire(tmp_path, "other").release()


def test_a_holder_learns_that_its_lock_was_taken_over(tmp_path):
    told = []
    owner = states.this_process("slow")
    path = tmp_path / states.LOCK_NAME
    path.write_text(states.to_text(owner))
    lock = lock_module.Lock(path, owner, None, told.append, heartbeat=0.02)
    other = dataclasses.replace(owner, token="other", command="thief")
    (tmp_path / "new").write_text(states.to_text(other))
    os.replace(tmp_path / "new", path)
    deadline = time.monotonic() + 5
    while not lock.lost and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lock.lost
    lock.release()
    assert len(told) == 1
    assert "thief" in told[0]
    assert json.loads(path.read_text())["token"] == "other"


def test_the_heartbeat_renews_the_lock(tmp_path):
    owner = states.this_process("run")
    path = tmp_path / states.LOCK_NAME
    path.write_text(states.to_text(owner))
    os.utime(path, (1, 1))
    with lock_module.Lock(path, owner, None, None, heartbeat=0.02):
        deadline = time.monotonic() + 5
        while path.stat().st_mtime < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 2


def race(folder, barrier, queue):
    barrier.wait()
    try:
        lock = acquire(folder, "race")
    except UsageError:
        queue.put(0)
    else:
        queue.put(1)
        lock.check()
        time.sleep(0.2)
        assert lock.check()
        lock.release()


@pytest.mark.parametrize("stale", [False, True])
def test_of_processes_that_try_at_once_exactly_one_wins(tmp_path, stale):
    context = multiprocessing.get_context("fork")
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        if stale:
            dead = dataclasses.replace(states.this_process("dead"), started="1")
            (folder / states.LOCK_NAME).write_text(states.to_text(dead))
            # One that died while taking the lock over leaves its claim behind.
            (folder / f"{states.LOCK_NAME}.{dead.token}.0").write_text(states.to_text(dead))
        barrier, queue = context.Barrier(4), context.Queue()
        racers = [context.Process(target=race, args=(folder, barrier, queue)) for _ in range(4)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(20)
            assert racer.exitcode == 0
        assert sum(queue.get(timeout=5) for _ in racers) == 1
        assert list(folder.iterdir()) == []


def test_a_folder_that_is_missing_gives_an_error_for_people(tmp_path):
    from vitreous.core.errors import ResourceError

    with pytest.raises(ResourceError, match="lock can't be written"):
        acquire(tmp_path / "none", "run")
