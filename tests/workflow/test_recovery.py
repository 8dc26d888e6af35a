"""What the next engine finds after one was killed, and what a full disk does to the small parts."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from vitreous.acquisition.transfer import disk_full
from vitreous.core.errors import ComputeError, ResourceError
from vitreous.project.create import create_project
from vitreous.project.faults import is_disk_full
from vitreous.project.project import Project
from vitreous.project.running import open_engine
from vitreous.project.session import Session
from vitreous.project.sources import Import, Sources
from vitreous.project.status import NAME, Status, lack_of_space, write_status
from vitreous.project.worker import STAGING, clear_staging, run_work
from vitreous.store.database import open_database
from vitreous.store.items import add_exposure
from vitreous.store.ledger import recover, start_tasks, unsettled
from vitreous.store.lock import acquire
from vitreous.store.lock_state import this_process, to_text
from vitreous.workflow.executor import Chain, Step, Work
from vitreous.workflow.job_type import ItemInput

SETTINGS = {"pixel_size": 1.0, "voltage": 300.0, "spherical_aberration": 2.7, "dose_per_frame": 1.0}


def test_items_of_tasks_that_were_under_way_are_planned_again(tmp_path: Path) -> None:
    create_project(tmp_path / "p", "single-particle", SETTINGS)
    with open_database(tmp_path / "p", write=True) as db:
        db.connection.execute("INSERT INTO job (type, title, params, created) VALUES ('import', 'I', '{}', 0)")
        db.connection.execute("INSERT INTO job (type, title, params, created) VALUES ('motion', 'M', '{}', 0)")
        facts = {"source_path": "/c/a.tif", "path": "movies/J1/a.tif", "identity": "1", "size": 1, "imported": 0.0}
        with db.transaction():
            item = add_exposure(db, "a", source_job=1, recorded=None, group=1, **facts)
            db.connection.execute("INSERT INTO task (job, item, state, identity) VALUES (2, ?, 'ready', 'x')", (item,))
        start_tasks(db, [Step(2, item, "", {}, {}, f"{item}", "")], 1.0)
        db.connection.execute("DELETE FROM unsettled")
        assert recover(db) == 1
        assert unsettled(db, 10) == [item]


def test_a_worker_of_a_dead_engine_cannot_publish_what_is_being_removed(tmp_path: Path) -> None:
    staging = tmp_path / "jobs" / STAGING / "a-1"
    staging.mkdir(parents=True)
    (staging / "result").write_text("half")
    (tmp_path / "jobs" / f"{STAGING}.0123" / "b").mkdir(parents=True)  # an engine was killed while it cleaned up
    clear_staging(tmp_path)
    assert os.listdir(tmp_path / "jobs") == []
    with pytest.raises(FileNotFoundError):
        os.rename(staging, tmp_path / "jobs" / "a")


def test_leftovers_of_killed_holders_go_when_the_lock_is_taken(tmp_path: Path) -> None:
    for name in ("project.lock.abc.0", "project.lock.new.abc", ".clock.xyz"):
        (tmp_path / name).write_text(to_text(this_process("run")))
    with acquire(tmp_path, "run"):
        assert os.listdir(tmp_path) == ["project.lock"]
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_known_in_every_wording() -> None:
    assert is_disk_full(disk_full(Path("/p"), "0.00 GB are free").to_dict())
    assert is_disk_full(ResourceError("/p/project.db: the disk is full", hint="").to_dict())
    assert not is_disk_full(ComputeError("the disk is full", hint="").to_dict())


def test_lack_of_space_is_said_in_figures(tmp_path: Path) -> None:
    assert lack_of_space(tmp_path, 0.0) is None
    told = lack_of_space(tmp_path, shutil.disk_usage(tmp_path).total / 1e9)
    assert told is not None
    assert "free some space, and work goes on by itself" in told


def project_with_a_full_disk(folder: Path, scope: str) -> None:
    """A project with a script that says that the disk is full."""
    create_project(folder, "single-particle", SETTINGS)
    script = folder / "scripts" / "full.sh"
    script.write_text(
        f'#!/bin/sh\n# /// vitreous\n# title = "F"\n# summary = "F."\n# scope = "{scope}"\n# ///\n'
        'echo "write error: No space left on device" >&2\nexit 1\n'
    )
    script.chmod(0o755)


def test_a_submission_ends_at_a_full_disk_and_the_rest_of_it_is_not_begun(tmp_path: Path) -> None:
    project_with_a_full_disk(tmp_path / "p", "item")
    steps = [Step(1, item, "script:full", {}, {}, f"id{item}", f"jobs/J1-full/a-{item}") for item in (1, 2)]
    chains = tuple(Chain(ItemInput("a"), (step,)) for step in steps)
    outcomes = run_work(Work("key", str(tmp_path / "p"), "cpu", chains))
    assert [(outcome.item, is_disk_full(outcome.error)) for outcome in outcomes] == [(1, True)]


def test_a_script_that_meets_a_full_disk_is_not_to_blame(tmp_path: Path) -> None:
    project_with_a_full_disk(tmp_path / "p", "set")
    with open_database(tmp_path / "p", write=True) as db:
        job_type = Session(tmp_path / "p", db).type("script:full")
        assert job_type.on_set is not None
        run = job_type.on_set(job_type.params())
        with pytest.raises(ResourceError, match="the disk is full") as caught:
            run([], tmp_path / "out", lambda fraction, what: None)
    assert is_disk_full(caught.value.to_dict())


def test_a_request_that_came_while_no_engine_ran_is_answered_by_the_next(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", "single-particle", SETTINGS)
    inbox = tmp_path / "p" / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / "1-a.json").write_text(
        json.dumps({"action": "change_settings", "arguments": {"values": {"order": "newest"}}})
    )
    project.run(workers=0)
    assert project.settings()["order"] == "newest"
    assert [path.name for path in inbox.iterdir()] == ["1-a.reply.json"]


def test_an_engine_that_has_nothing_to_do_does_not_wait_for_space(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", "single-particle", {**SETTINGS, "disk_reserve": 1e6})
    project.run(workers=0)
    assert [event.message for event in project.log()][-1] == "the engine ends"


def test_an_engine_whose_inbox_cannot_be_read_does_its_work(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p", "single-particle", SETTINGS)
    shutil.rmtree(tmp_path / "p" / "inbox", ignore_errors=True)
    (tmp_path / "p" / "inbox").write_text("no folder")
    project.run(workers=0)
    assert [event.message for event in project.log()][-1] == "the engine ends"


def test_the_end_of_the_status_leaves_nothing(tmp_path: Path) -> None:
    write_status(tmp_path, Status(0.0, {}, [], []))
    (tmp_path / f".{NAME}.part").write_text("half")
    write_status(tmp_path, None)
    assert os.listdir(tmp_path) == []


def test_an_import_that_hangs_does_not_keep_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreous.project.sources.STOP_SECONDS", 0.2)
    project = Project.create(tmp_path / "p", "single-particle", SETTINGS)
    forever = threading.Event()
    with project.writing("run") as (session, _):
        sources = Sources(open_engine(session, workers=0))
        thread = threading.Thread(target=forever.wait, daemon=True)
        thread.start()
        sources.imports[1] = Import(session.graph(), thread=thread)  # type: ignore[arg-type]
        sources.stop()
    assert thread.is_alive()
    forever.set()
