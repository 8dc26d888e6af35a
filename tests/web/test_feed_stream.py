"""The stream of events: nothing is lost or told twice, one bad project harms no other, rights hold while it runs."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from vitreous import Project
from vitreous.store import database
from vitreous.store.events import log_event
from vitreous.web import feed as feed_module
from vitreous.web import reader as reader_module
from vitreous.web.feed import Feed, Listener, cursor_text, read_cursor
from vitreous.web.follower import Follower, Message
from vitreous.web.served import Projects


def write_lines(folder: Path, count: int, text: str = "line") -> None:
    """Add lines to a project's log."""
    with Project(folder) as project, project.writing("test") as (session, _), session.db.transaction():
        for number in range(count):
            log_event(session.db, "test", f"{text} {number}", time.time())


def read(data: bytes) -> list[tuple[str, dict, str | None]]:
    """Messages of a piece of the stream: kind, content, id."""
    found = []
    for block in data.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
    return found


async def listened(projects: Projects, until, cursor=None, *, allowed=lambda key: True, again=None, seconds=8.0):
    """Open a stream and read messages until a condition on them holds or it ends."""
    feed = Feed(projects)
    feed.start()
    found: list[tuple[str, dict, str | None]] = []

    async def go() -> None:
        async for data in feed.stream(allowed, cursor or {}, again):
            found.extend(read(data))
            if until(found):
                return

    try:
        await asyncio.wait_for(go(), seconds)
    finally:
        await feed.stop()
    return found


def as_copy(db: database.Database) -> database.Database:
    """The same catalogue in memory."""
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    memory.row_factory = sqlite3.Row
    with closing(db.connection) as file:
        file.backup(memory)
    return database.Database(db.folder, memory, read_only=True)


def texts(found) -> list[str]:
    return [content["message"] for kind, content, _ in found if kind == "log"]


def test_a_new_line_arrives_at_once_and_with_it_the_state(tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    projects = Projects([tmp_path / "p"])

    async def go():
        loop = asyncio.get_running_loop()
        written: list[float] = []

        def later():
            write_lines(tmp_path / "p", 3)
            written.append(time.monotonic())

        def done(found):
            if any(kind == "state" for kind, _, _ in found) and not written:
                written.append(0.0)
                written.clear()
                loop.call_later(0.3, lambda: loop.run_in_executor(None, later))
            return len(texts(found)) == 3

        found = await listened(projects, done)
        return found, time.monotonic() - written[0] if written else 0.0

    found, seconds = asyncio.run(go())
    assert texts(found) == ["line 0", "line 1", "line 2"]
    assert seconds < 1.0
    assert found[-1][2].startswith("p=")


def test_a_page_that_was_away_gets_what_it_missed_once_even_from_a_new_server(tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    write_lines(tmp_path / "p", 5, "before")
    with Project(tmp_path / "p") as project:
        seq = {event.message: event.seq for event in project.log()}["before 2"]
    found = asyncio.run(
        listened(Projects([tmp_path / "p"]), lambda found: any(k == "state" for k, _, _ in found), {"p": seq})
    )
    assert texts(found) == ["before 3", "before 4"]


def test_too_much_missed_is_told_as_reset(tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    write_lines(tmp_path / "p", 600)
    found = asyncio.run(listened(Projects([tmp_path / "p"]), lambda found: len(found) >= 2, {"p": 1}))
    assert found[0][0] == "reset"
    assert not texts(found)


def test_many_lines_at_once_are_all_told_in_order(tmp_path):
    Project.create(tmp_path / "p", "drift").close()
    follower = Follower(Projects([tmp_path / "p"]).get("p"))
    follower.look(0.0)
    write_lines(tmp_path / "p", 4500)
    seen = [m.seq for now in range(1, 8) for m in follower.look(now * 1.0) if m.seq is not None]
    follower.close()
    assert len(seen) >= 4500
    assert seen == list(range(seen[0], seen[0] + len(seen)))


def test_a_project_whose_disk_vanishes_is_told_and_comes_back_while_others_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_module, "FAULT_SECONDS", 0.2)
    for name in ("p", "q"):
        Project.create(tmp_path / name, "drift").close()
    projects = Projects([tmp_path / "p", tmp_path / "q"])
    steps: list[str] = []

    def until(found):
        kinds = [(kind, content["project"]) for kind, content, _ in found]
        if not steps and {("state", "p"), ("state", "q")} <= set(kinds):
            steps.append("gone")
            shutil.move(tmp_path / "p", tmp_path / "elsewhere")
        if steps == ["gone"] and ("fault", "p") in kinds:
            steps.append("back")
            write_lines(tmp_path / "q", 1, "meanwhile")
            shutil.move(tmp_path / "elsewhere", tmp_path / "p")
        return len(steps) == 2 and "meanwhile 0" in texts(found) and kinds[-1] == ("state", "p")

    found = asyncio.run(listened(projects, until, seconds=10.0))
    assert next(content for kind, content, _ in found if kind == "fault")["fault"]


def test_a_page_that_is_too_slow_starts_afresh(monkeypatch):
    monkeypatch.setattr(feed_module, "QUEUE", 10)
    listener = Listener(lambda key: True, {})
    listener.joined.add("p")
    listener.seen["p"] = 0
    for seq in range(1, 30):
        listener.put([Message("log", "p", seq, "{}")])
    assert [kind for kind, _, _ in read(listener.take())] == ["reset"]
    assert not listener.joined


def test_only_the_newest_state_waits_for_a_page():
    listener = Listener(lambda key: True, {})
    for revision in range(1000):
        listener.put([Message("state", "p", None, json.dumps({"revision": revision}))])
    assert [content for _, content, _ in read(listener.take())] == [{"revision": 999}]


def test_a_page_hears_nothing_of_projects_that_it_may_not_see(tmp_path):
    for name in ("p", "q"):
        Project.create(tmp_path / name, "drift").close()
    projects = Projects([tmp_path / "p", tmp_path / "q"])
    found = asyncio.run(listened(projects, lambda found: len(found) >= 1, {"q": 1}, allowed=lambda key: key == "p"))
    assert {content["project"] for _, content, _ in found} == {"p"}


def test_a_stream_ends_when_its_session_is_revoked(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_module, "RIGHTS_SECONDS", 0.2)
    Project.create(tmp_path / "p", "drift").close()

    async def nobody():
        return None

    began = time.monotonic()
    asyncio.run(listened(Projects([tmp_path / "p"]), lambda found: False, again=nobody, seconds=5.0))
    assert time.monotonic() - began < 3.0


def test_without_pages_nothing_is_looked_at(tmp_path, monkeypatch):
    Project.create(tmp_path / "p", "drift").close()
    looks: list[float] = []
    monkeypatch.setattr(Follower, "look", lambda self, now: looks.append(now) or [])

    async def go():
        feed = Feed(Projects([tmp_path / "p"]))
        feed.start()
        await asyncio.sleep(0.7)
        await feed.stop()

    asyncio.run(go())
    assert not looks


def test_cursors_are_read_as_they_are_written_and_rubbish_is_left_out():
    assert read_cursor(cursor_text({"a": 12, "b": 7})) == {"a": 12, "b": 7}
    assert read_cursor("a=x,=3,b=99999999999999999999,c=²,d=4") == {"d": 4}
    assert read_cursor(None) == {}


def test_a_catalogue_of_an_older_version_is_followed_once_it_is_brought_up_to_date(tmp_path, monkeypatch):
    Project.create(tmp_path / "p", "drift").close()
    monkeypatch.setattr(reader_module, "COPY_SECONDS", 0.0)
    reader = reader_module.Reader(tmp_path / "p")
    with monkeypatch.context() as older:  # as a program of a newer version finds it: it reads a copy in memory
        original = database._open_reader
        older.setattr(database, "_open_reader", lambda folder, path, version: as_copy(original(folder, path, version)))
        first = reader.session()
    assert not first.db.connection.execute("PRAGMA database_list").fetchone()[2]
    assert reader.session() is first
    write_lines(tmp_path / "p", 3)
    second = reader.session()
    assert second is not first
    assert second.db.connection.execute("SELECT count(*) FROM event WHERE kind = 'test'").fetchone()[0] == 3
    reader.close()
