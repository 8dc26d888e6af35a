"""Commands that come to a project at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vitreous.core.errors import UsageError
from vitreous.project import actions, job_actions
from vitreous.project.project import Project
from vitreous.project.session import Session
from vitreous.store import database, migration

FLAG = """
import sys
from vitreous.project.project import Project
Project(sys.argv[1]).set(pixel_size=float(sys.argv[2]))
"""


def test_commands_that_come_together_are_done_one_after_the_other(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    values = [str(1.0 + number / 10) for number in range(4)]
    started = [subprocess.Popen([sys.executable, "-c", FLAG, str(project.folder), value]) for value in values]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]
    told = [event.message for event in project.log() if event.kind == "settings"]
    assert sorted(told) == [f"settings: pixel_size = {value}" for value in values]


def test_a_change_that_fails_leaves_no_trace_in_the_graph(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p")
    with project.writing("test") as (session, _):
        project.add("import", sources=[str(tmp_path)])

        def half(session: Session) -> None:
            job_actions.add_job(session, "motion")
            assert len(session.graph().jobs) == 2
            raise UsageError("the second half fails", hint="Nothing of it stays")

        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(actions.ACTIONS, "half", half)  # type: ignore[arg-type]
            with pytest.raises(UsageError, match="second half"):
                project.act("half", author=None)
        project.add("measure")
        assert [session.graph().jobs[number].type for number in session.graph().order] == ["import", "measure"]


def test_a_project_of_an_older_version_is_seen_as_it_is_after_a_change(tmp_path: Path, monkeypatch) -> None:
    Project.create(tmp_path / "p", "drift").close()
    known = {**migration.migrations(), migration.latest_version() + 1: "CREATE TABLE later (x);"}
    monkeypatch.setattr(migration, "migrations", lambda: known)
    monkeypatch.setattr(migration, "latest_version", lambda: max(known))
    monkeypatch.setattr(database, "latest_version", lambda: max(known))
    project = Project(tmp_path / "p")
    assert project.graph().jobs == {}
    project.add("import", sources=[str(tmp_path)])
    assert list(project.graph().jobs) == [1]
    assert project.note is None
