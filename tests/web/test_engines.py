"""Engines under the server: started, ended, begun anew, left to others; real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vitreous import Project
from vitreous.core.errors import UsageError
from vitreous.store.lock import acquire, read_lock
from vitreous.store.lock_state import process_start
from vitreous.web import engines as engines_module
from vitreous.web.engine_process import Child, EngineOptions
from vitreous.web.engines import Engines
from vitreous.web.served import Projects, ServedProject

IN_PROCESS = EngineOptions(workers=0)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 15.0) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited for {seconds:.0f} s: {what}"
        time.sleep(0.05)


@pytest.fixture
def project(tmp_path) -> ServedProject:
    Project.create(tmp_path / "p", "drift").close()
    return Projects([tmp_path / "p"]).get("p")


@pytest.fixture
def engines():
    found = Engines(IN_PROCESS)
    yield found
    found.close(now=True)


def holder(folder: Path) -> int | None:
    owner = read_lock(folder).owner
    return None if owner is None else owner.pid


def test_an_engine_starts_says_so_and_ends_with_the_server(project, engines):
    engines.start(project)
    wait_for(lambda: engines.describe(project)["state"] == "running", "the engine runs")
    pid = holder(project.folder)
    assert engines.describe(project)["mine"]
    with pytest.raises(UsageError, match="there already"):
        engines.start(project)
    engines.close()
    assert process_start(pid) is None
    assert read_lock(project.folder).state == "free"
    assert engines.describe(project)["state"] == "stopped"


def test_an_engine_that_is_killed_is_started_again(project, engines, monkeypatch):
    monkeypatch.setattr(engines_module, "PAUSES", (0.2,))
    engines.start(project)
    wait_for(lambda: engines.describe(project)["state"] == "running", "the engine runs")
    first = holder(project.folder)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: engines.told(project.folder)["crashes"] == 1, "the crash is told")
    wait_for(lambda: holder(project.folder) not in (None, first), "another engine has the project")
    assert "signal 9" in (engines.told(project.folder)["last"] or "")


def test_a_project_that_is_run_elsewhere_is_left_alone_and_can_be_stopped_from_here(project, engines):
    other = Child(project.folder, IN_PROCESS)
    (project.folder / "logs" / "engine-process.json").unlink()  # as one that was started by hand
    try:
        wait_for(lambda: read_lock(project.folder).held, "the other engine has the project")
        with pytest.raises(UsageError, match="is run by"):
            engines.start(project)
        described = engines.describe(project)
        assert (described["state"], described["mine"]) == ("elsewhere", False)
        assert str(other.pid) in described["holder"]
        engines.stop(project, now=False, author="tester")
        assert other.wait(15.0) == 0
    finally:
        other.kill()


def test_an_engine_that_its_server_left_behind_is_taken_over_and_ended(project):
    # The first server is a process that starts an engine and is killed.
    code = (
        "import sys, time; from pathlib import Path\n"
        "from vitreous.web.engine_process import Child, EngineOptions\n"
        "Child(Path(sys.argv[1]), EngineOptions(workers=0)); time.sleep(60)"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(project.folder)])
    try:
        wait_for(lambda: read_lock(project.folder).held, "the engine has the project")
    finally:
        server.kill()
        server.wait()
    pid = holder(project.folder)
    assert process_start(pid) is not None
    second = Engines(EngineOptions(workers=3))
    second.start(project)
    described = second.describe(project)
    assert described["mine"]
    assert described["state"] == "running"
    second.close()
    assert process_start(pid) is None
    assert read_lock(project.folder).state == "free"


def test_an_engine_that_is_refused_is_not_tried_again(project, engines):
    engines.start(project, EngineOptions(profile="no-such-profile"))
    wait_for(lambda: engines.told(project.folder)["state"] == "refused", "it is refused")
    assert "no-such-profile" in engines.describe(project)["sentence"]


def test_only_a_lock_whose_holder_is_gone_is_taken_away(project, engines):
    with pytest.raises(UsageError, match="nobody holds"):
        engines.unlock(project)
    lock = acquire(project.folder, "test")
    with pytest.raises(UsageError, match="lives"):
        engines.unlock(project)
    lock.release()


def test_routes_start_stop_and_describe_the_engine(client_of, tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    client = client_of(tmp_path / "p")
    assert client.get("/api/projects/p/engine").json()["state"] == "stopped"
    assert [line["name"] for line in client.get("/api/projects/p/engine/profiles").json()][:1] == ["local"]
    started = client.post("/api/projects/p/engine/start", json={"workers": 0})
    assert started.status_code == 200, started.text
    wait_for(lambda: client.get("/api/projects/p/engine").json()["state"] == "running", "the engine runs")
    assert client.post("/api/projects/p/engine/start", json={}).status_code == 400
    assert client.post("/api/projects/p/engine/stop", json={"now": True}).status_code == 200
    wait_for(lambda: client.get("/api/projects/p/engine").json()["state"] == "stopped", "it has ended")
    assert client.post("/api/projects/p/engine/stop", json={}).status_code == 400
    assert client.post("/api/projects/p/engine/unlock").status_code == 400
