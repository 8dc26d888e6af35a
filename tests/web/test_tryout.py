"""Trying a form on one image: in a process of its own, one at a time, the newest first; nothing stays."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from vitreous.core.errors import Cancelled, ComputeError, UsageError
from vitreous.project.overview import open_for_reading
from vitreous.project.tryout import Try, Tryout, prepare
from vitreous.web.guard import Caller, caller
from vitreous.workflow.job_type import ItemInput

sys.path.insert(0, str(Path(__file__).parent))
import picks_project

P = "/api/projects/p"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picks_project.make(tmp_path_factory.mktemp("try") / "p")


@pytest.fixture(scope="module")
def tryout() -> Iterator[Tryout]:
    made = Tryout()
    yield made
    made.close()


def _prepared(folder: Path, name: str = "measure", item: int = 1, **params: object) -> Try:
    session = open_for_reading(folder)
    try:
        return prepare(session, name, item, params)
    finally:
        session.db.close()


def test_a_try_gives_figures_and_picks_and_leaves_the_project_as_it_was(folder: Path, tryout: Tryout) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    found = tryout.run(_prepared(folder, "pick", diameter=40.0, threshold=3.0))
    assert found.picks is not None
    assert sum(found.picks["kept"]) == found.values["picks_found"]
    assert found.settings["diameter"] == 40.0
    assert not list((folder / "jobs").glob(".staging/*"))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")} == before
    again = tryout.run(_prepared(folder, "measure"))
    assert again.picks is None
    assert again.values["image_mean"] == pytest.approx(10.0, abs=0.1)


def test_a_fault_of_the_job_comes_back_as_what_it_is(folder: Path, tryout: Tryout) -> None:
    given = _prepared(folder, "measure")
    lost = ItemInput("one", {}, {"micrograph": given.item.slots["micrograph"].__class__("jobs/none.mrc")})
    with pytest.raises(Exception, match=r"none\.mrc") as told:
        tryout.run(Try(given.folder, given.type, given.values, given.provenance, lost))
    assert getattr(told.value, "code", None) in ("data", "usage")


def test_wrong_values_and_jobs_that_are_no_work_on_an_image_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="diameter"):
        _prepared(folder, "pick", diameter=-3.0)
    with pytest.raises(UsageError, match="one image"):
        _prepared(folder, "import")
    with pytest.raises(UsageError, match="there is no image"):
        _prepared(folder, "measure", item=77)
    with pytest.raises(UsageError, match="no job type"):
        _prepared(folder, "nothing")


def test_a_process_that_dies_is_told_and_the_next_try_starts_another(folder: Path, tryout: Tryout) -> None:
    tryout.run(_prepared(folder))
    first = tryout.pid
    assert first is not None
    os.kill(first, 9)
    while tryout.pid is not None:
        time.sleep(0.01)
    tryout.run(_prepared(folder))
    assert tryout.pid not in (None, first)


def test_of_one_callers_tries_the_newest_wins(folder: Path, tryout: Tryout) -> None:
    tryout.run(_prepared(folder))
    given, answers = _prepared(folder, "pick", diameter=40.0), []

    def ask(number: int) -> None:
        try:
            answers.append((number, tryout.run(given, "anna").seconds))
        except Cancelled:
            answers.append((number, None))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
        time.sleep(0.005)
    for thread in threads:
        thread.join(30)
    done = dict(answers)
    assert done[4] is not None
    assert [done[number] for number in (1, 2, 3)] == [None] * 3


def test_a_try_that_takes_too_long_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Tryout(timeout=0.0)
    try:
        monkeypatch.setattr("vitreous.project.tryout.START_TIMEOUT", 0.05)
        with pytest.raises(ComputeError, match="not done after"):
            slow.run(_prepared(folder))
        assert slow.pid is None
    finally:
        slow.close()


def test_the_process_ends_when_nobody_tries(folder: Path) -> None:
    idle = Tryout(idle=0.2)
    try:
        idle.run(_prepared(folder))
        end = time.monotonic() + 10.0
        while idle.pid is not None and time.monotonic() < end:
            time.sleep(0.05)
        assert idle.pid is None
    finally:
        idle.close()


def test_an_operator_may_try_and_a_viewer_may_not(client_of, folder: Path) -> None:
    client: TestClient = client_of(folder)
    body = {"item": 1, "params": {}}
    answer = client.post(f"{P}/job-types/measure/try", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["values"]["image_mean"] == pytest.approx(10.0, abs=0.1)
    assert client.post(f"{P}/job-types/measure/try", json={"item": 99}).status_code == 404
    assert client.post(f"{P}/job-types/pick/try", json={"item": 1, "params": {"diameter": -1}}).status_code == 400
    assert client.get(f"{P}/tries/77/png.png").status_code == 404
    app = client.app
    app.dependency_overrides[caller] = lambda: Caller("guest", "viewer", {}, None)  # type: ignore[attr-defined]
    try:
        assert client.post(f"{P}/job-types/measure/try", json=body).status_code == 403
    finally:
        app.dependency_overrides.clear()  # type: ignore[attr-defined]
    pid = client.app.state._state["tries"].tryout.pid  # type: ignore[attr-defined]
    assert pid is not None
