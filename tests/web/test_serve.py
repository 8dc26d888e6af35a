"""``vitreous serve`` as a real process: it tells how to come in, runs engines, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from vitreous import Project
from vitreous.core.errors import UsageError
from vitreous.store.lock import read_lock
from vitreous.store.lock_state import process_start
from vitreous.web.server import listen, open_projects


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited for {seconds:.0f} s: {what}"
        time.sleep(0.05)


class Serving:
    """A server's process and what it has printed."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.log = folder / "serve.txt"
        environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vitreous.cli.main", "serve", "--port", "0", *words],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    @property
    def link(self) -> str | None:
        """The link that signs in once."""
        found = re.search(r"http://\S+/open\?token=\S+", self.log.read_text())
        return None if found is None else found[0]

    def client(self) -> httpx.Client:
        """A client that is signed in by the link."""

        def answers() -> bool:
            try:
                return self.link is not None and httpx.get(self.link.partition("/open")[0] + "/api/me").status_code > 0
            except httpx.HTTPError:
                return False

        wait_for(answers, "the server answers: " + self.log.read_text())
        link = self.link or ""
        client = httpx.Client(base_url=link.partition("/open")[0], timeout=20.0)
        assert client.get(link).status_code == 303
        client.headers["X-Vitreous-CSRF"] = client.get("/api/me").json()["csrf"]
        return client


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Serving]:
    """A server, which is killed at the end if it is still there."""
    server = Serving(folder, *words)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def members(group: int) -> list[int]:
    """Processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def test_it_serves_runs_an_engine_and_ends_with_all_that_it_started(tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    with serving(tmp_path, str(tmp_path / "p"), "--workers", "0") as server:
        client = server.client()
        assert httpx.get(server.link).status_code == 403  # the link opens one session
        printed = server.log.read_text()
        assert re.search(r"ssh -L (\d+):127.0.0.1:\1 \S+", printed)
        wait_for(lambda: client.get("/api/projects/p/engine").json()["state"] == "running", "the engine runs")
        pid = read_lock(tmp_path / "p").owner.pid
        assert members(pid)
        ended = threading.Event()

        def listen_to_events() -> None:
            with client.stream("GET", "/api/events") as answer:
                for _ in answer.iter_lines():
                    pass
            ended.set()

        threading.Thread(target=listen_to_events, daemon=True).start()
        time.sleep(0.3)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0, server.log.read_text()
        assert ended.wait(5)
        assert not members(pid)
    assert read_lock(tmp_path / "p").state == "free"
    assert "Ending p after what is under way" in server.log.read_text()
    recent = json.loads((tmp_path / "state" / "vitreous" / "recent-projects.json").read_text())
    assert [entry["folder"] for entry in recent] == [str(tmp_path / "p")]


def test_engines_of_a_server_that_was_killed_go_on_and_the_next_one_ends_them(tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    with serving(tmp_path, str(tmp_path / "p"), "--workers", "0") as first:
        first.client()
        wait_for(lambda: read_lock(tmp_path / "p").held, "the engine has the project")
    pid = read_lock(tmp_path / "p").owner.pid
    assert process_start(pid) is not None
    with serving(tmp_path, "--no-engine") as second:  # it serves the recent projects, and starts no engine by itself
        engine = second.client().get("/api/projects/p/engine").json()
        assert (engine["state"], engine["mine"]) == ("running", True)
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(20) == 0
    assert process_start(pid) is None


def test_a_port_that_is_taken_gives_the_next_free_one():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with listen("127.0.0.1", port) as other:
            assert port < other.getsockname()[1] <= port + 100


def test_an_address_that_is_not_of_this_machine_is_refused():
    with pytest.raises(UsageError, match="can't listen"):
        listen("192.0.2.1", 0)
    with pytest.raises(UsageError, match="no address"):
        listen("no such host", 0)


def test_without_a_name_the_recent_projects_are_served_under_their_names(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("a/p", "b/p"):
        Project.create(tmp_path / name, "drift").close()
    said: list[str] = []
    projects, named = open_projects((tmp_path / "a" / "p", tmp_path / "b" / "p"), said.append)
    keys = {project.key: project.folder for project in projects}
    assert named == ["p", "p-2"]
    again, named = open_projects((), said.append)
    assert {project.key: project.folder for project in again} == keys
    assert (named, said) == ([], [])
    alone, _ = open_projects((tmp_path / "b" / "p",), said.append)
    assert [project.key for project in alone] == ["p-2"]


def test_the_server_is_not_opened_to_others_without_users(tmp_path):
    with serving(tmp_path, "--host", "0.0.0.0") as server:
        assert server.process.wait(20) == 2
    assert "users" in server.log.read_text()
    assert not any(line.startswith("Open ") for line in server.log.read_text().splitlines())


def test_a_folder_that_is_no_project_is_refused(tmp_path):
    with serving(tmp_path, str(tmp_path / "nothing")) as server:
        assert server.process.wait(20) == 2
    assert "there is no folder" in server.log.read_text()
